"""The modules of EC-Lab's binary file: settings, data, log, loop.

Layout: 52 bytes of signature, then modules one after another. A module is ``MODULE``, a short name
(10 bytes), a long name (25), and then, in files of EC-Lab before 11.50: length (u32), version
(u32), date ``mm/dd/yy`` (8); since 11.50: 0xFFFFFFFF, length (u32), 0 (u32), version (u32), date.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from nodes.cycler.files._source import Source

SIGNATURE: Final = b"BIO-LOGIC MODULAR FILE"
_FIRST: Final = 0x34
_LONG: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class Module:
    """One module.

    Args:
        name: Its short name: ``VMP Set``, ``VMP data``, ``VMP LOG``, ``VMP loop``, ``VMP ExtDev``.
        version: Of its layout.
        start: Where its content begins in the file.
        length: Bytes of content that the file really holds.
        promised: Bytes of content that its header promises.
        day: Its date; None when that is not readable.
        is_new: Whether it has the longer header of EC-Lab 11.50.
    """

    name: str
    version: int
    start: int
    length: int
    promised: int
    day: date | None
    is_new: bool


def modules(source: Source) -> dict[str, Module]:
    """The modules by short name; of two with one name, the first.

    What follows the last module, other than blanks, becomes the module ``""``: the file is damaged.

    Raises:
        UnreadableFileError: A module does not begin where the one before it ends.
    """
    data = source.data
    found: dict[str, Module] = {}
    position = _FIRST
    while position + 57 <= len(data):
        if data[position : position + 6] != b"MODULE":
            if found:
                rest = len(data) - position
                if data[position:].strip(b"\x00 "):
                    found[""] = Module("", 0, position, rest, rest, None, is_new=False)
                break
            raise source.refuse(
                "it begins as a BioLogic file, but there is no module where the first should be",
                at=f"byte {position}",
                remedy="the file is damaged: copy it again from the instrument's computer",
            )
        module = _module(data, position)
        found.setdefault(module.name, module)
        position = module.start + module.promised
    return found


def _module(data: bytes, position: int) -> Module:
    name = data[position + 6 : position + 16].decode("ascii", errors="replace").strip()
    at = position + 41
    first = struct.unpack_from("<I", data, at)[0]
    is_new = first == _LONG and at + 24 <= len(data)
    if is_new:
        promised, _, version = struct.unpack_from("<III", data, at + 4)
        day, start = data[at + 16 : at + 24], at + 24
    else:
        promised, version = first, struct.unpack_from("<I", data, at + 4)[0]
        day, start = data[at + 8 : at + 16], at + 16
    length = max(0, min(promised, len(data) - start))
    return Module(name, version, start, length, promised, _day(day), is_new)


def _day(text: bytes) -> date | None:
    """``mm/dd/yy``, whatever stands between the numbers."""
    try:
        return date(2000 + int(text[6:8]), int(text[0:2]), int(text[3:5]))
    except ValueError:
        return None


_STARTED: Final = (0x249, 465, 469, 473)
"""Where the log keeps the start of the acquisition, as days since 1899-12-30 (f8)."""

_OLE: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - the instrument's local time, as it says it


def started(data: bytes, log: Module, near: date | None) -> datetime | None:
    """When the acquisition began, local time; None when the log does not say."""
    for offset in _STARTED:
        if offset + 8 > log.length:
            continue
        days = struct.unpack_from("<d", data, log.start + offset)[0]
        if not 36_000 < days < 73_000:  # the years 1998 to 2099
            continue
        begun = _OLE + timedelta(days=days)
        if near is None or abs((begun.date() - near).days) <= 1:
            return begun.replace(microsecond=round(begun.microsecond, -3) % 1_000_000)
    return None


def text_at(data: bytes, module: Module, offset: int) -> str:
    """A text with its length in the first byte; empty when it is none."""
    if offset >= module.length:
        return ""
    start = module.start + offset
    size = data[start]
    raw = data[start + 1 : start + 1 + size]
    text = raw.decode("cp1252", errors="replace").replace("\r\n", "\n").strip()
    return text if text.isprintable() or "\n" in text else ""


def number_at(data: bytes, module: Module, offset: int) -> float | None:
    """A single-precision number that means something; None for zero and for what is absurd."""
    if offset + 4 > module.length:
        return None
    value = float(struct.unpack_from("<f", data, module.start + offset)[0])
    return value if 1e-9 < value < 1e9 else None
