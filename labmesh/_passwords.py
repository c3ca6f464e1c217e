"""Keeping passwords out of what everybody reads."""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
"""The password in ``scheme://user:password@host`` (RFC 3986 section 3.2.1)."""


def hide_passwords(text: str) -> str:
    """Return ``text`` with the password of every URL in it as ``***``."""
    return _PASSWORD.sub(r"\1***@", text)
