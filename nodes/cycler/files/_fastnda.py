"""`fastnda`, imported so that the rest of the process stays as it was.

Its import replaces functions of the standard library's `zlib` by those of `isal`, which raise
errors of another class: whoever else unpacks something in the same process would not catch them.
The files are read as fast without.
"""

from __future__ import annotations

import zlib

_ours = zlib.decompress, zlib.decompressobj
import fastnda  # noqa: E402 - what it replaces is noted first
import fastnda.ndax  # noqa: E402 - it would replace them when the first file is read

zlib.decompress, zlib.decompressobj = _ours

__all__ = ["fastnda"]
