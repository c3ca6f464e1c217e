"""Labels: QR codes (ISO/IEC 18004) of what a scanner shall type.

A QR code holds a sample's id or a place as plain text, so that a scanner with a keyboard wedge
types just that, and Enter.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

from messages.errors import ConfigurationError

_LONGEST: Final = 300
_SUFFIXES: Final = (".svg", ".png", ".pdf")
_MODULE: Final = 8
"""Pixels or points of a module: at 300 dpi 0.7 mm, which any scanner reads."""


def draw(text: str, file: Path) -> int:
    """Write the code as an image; return its version (its size, 1 to 40).

    Raises:
        ConfigurationError: The text is none for a label, or the file cannot be written.
    """
    if file.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(
            f"{file.name} names no kind of image", remedy=f"end it in {', '.join(_SUFFIXES)}"
        )
    code = _code(text)
    try:
        code.save(str(file), scale=_MODULE)
    except OSError as error:
        raise ConfigurationError(
            f"the label cannot be written: {error.strerror}", where=str(file)
        ) from error
    return int(code.version)


def terminal_code(text: str) -> str:
    """Return the code in half blocks, to be shown or printed by a terminal, and the text."""
    shown = io.StringIO()
    _code(text).terminal(shown, compact=True)
    return f"{shown.getvalue().rstrip()}\n{text}"


def _code(text: str) -> Any:
    import segno  # noqa: PLC0415 - only who makes labels waits for it

    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise ConfigurationError(
            "this is no text for a label", remedy=f"1 to {_LONGEST} printable characters"
        )
    # Not the smallest variant (Micro QR), which many scanners do not read; a quarter may be dirty.
    return segno.make_qr(text, error="Q")
