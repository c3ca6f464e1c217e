"""How values look to people: times, durations, uuids, plain data."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SHORT: Final = 8
_UNCHANGED: Final = str.maketrans("", "")


def when(nanoseconds: int, *, zone: bool = False) -> str:
    """Return a point in time as local ISO 8601, with its offset from UTC where asked for."""
    local = datetime.fromtimestamp(nanoseconds // 10**9).astimezone()
    return (local if zone else local.replace(tzinfo=None)).isoformat(sep=" ", timespec="seconds")


def duration(seconds: float) -> str:
    """Return ``850 ms``, ``12 s``, ``3 min 5 s``, ``2 h 4 min`` or ``5 d 3 h``."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    left = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if left >= size:
            count, rest = divmod(left, size)
            if size == 1:
                return f"{count} s"
            smaller, name = _UNITS[index + 1]
            return f"{count} {unit}" + (f" {rest // smaller} {name}" if rest >= smaller else "")
    return "0 s"


def size(count: int) -> str:
    """Return a number of bytes as ``512 B``, ``1.5 KiB`` ..."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def short_ids(ids: Iterable[UUID | str | None]) -> dict[str, str]:
    """Return a beginning for each uuid by which it differs from the others, 13 characters or more.

    Fewer would not do: the first 8 characters of a UUIDv7 count periods of 65 s, 13 count
    milliseconds.
    """
    texts = sorted({str(one) for one in ids if one is not None})
    shown: dict[str, str] = {}
    for index, text in enumerate(texts):
        neighbours = texts[max(index - 1, 0) : index] + texts[index + 1 : index + 2]
        length = max([13, *(_common(text, other) + 1 for other in neighbours)])
        shown[text] = text[:length].rstrip("-") if length >= 13 else text[:_SHORT]
    return shown


def clean(text: str) -> str:
    """Return ``text`` without characters that would move the cursor or colour the terminal."""
    return "".join(
        c
        if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
        else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: bytes as hex, arrays with their numbers in ``data``."""
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "data"} and isinstance(value["data"], bytes):
            return _numbers(value)
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def one_line(value: Any, width: int = 60) -> str:
    """Return plain data in at most ``width`` characters of one line."""
    import json

    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _numbers(array: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    try:
        numbers = np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).tolist()
    except (TypeError, ValueError):
        numbers = array["data"].hex()
    return {"dtype": array["dtype"], "shape": list(array["shape"]), "data": numbers}
