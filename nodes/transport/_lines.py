"""Lines out of a stream of bytes that may be anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

LONGEST: Final = 2000
"""Bytes of a line, its end not counted."""

_CHUNK: Final = 4096


class BadLineError(Exception):
    """A line that is none: too long, or no text. Its words are for the sender."""


async def lines(reader: asyncio.StreamReader) -> AsyncIterator[str | BadLineError]:
    """Yield lines without their ends (LF or CR LF), and what is wrong with those that are none.

    What comes after the last line end is no line: half a command must not be obeyed.
    """
    rest, skipping = bytearray(), False
    while chunk := await reader.read(_CHUNK):
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            line, rest = bytes(rest[:end]), rest[end + 1 :]
            if skipping:
                skipping = False
            elif len(line) > LONGEST + 1:
                yield _too_long()
            else:
                yield _text(line)
        if len(rest) > LONGEST + 1:
            # Said at once: it may never end, and must not fill the memory until it does.
            if not skipping:
                yield _too_long()
            skipping = True
            rest.clear()


def _too_long() -> BadLineError:
    return BadLineError(f"that line is longer than {LONGEST} bytes")


def _text(line: bytes) -> str | BadLineError:
    try:
        text = line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError:
        return BadLineError("that is not UTF-8")
    if any(not each.isprintable() and each != "\t" for each in text):
        return BadLineError("that has control characters in it")
    return text.strip()
