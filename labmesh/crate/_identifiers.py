"""Identifiers of people, organisations and publications, with their check digits."""

from __future__ import annotations

import re
from typing import Final

_ORCID: Final = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_ROR: Final = re.compile(r"(?:https?://)?(?:ror\.org/)?(0[0-9a-hjkmnp-tv-z]{6}\d{2})")
_DOI: Final = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE
)

_BASE32: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Digits of Crockford's base 32, in which a ROR identifier is written."""


def check_orcid(text: str) -> str:
    """Return an ORCID iD as its URL, ``https://orcid.org/0000-0002-1825-0097``.

    Raises:
        ValueError: It is none, or its check digit (ISO 7064, MOD 11-2) says that it is misspelt.
    """
    found = _ORCID.fullmatch(text.strip())
    if found is None:
        raise ValueError("an ORCID iD has four groups of four digits: 0000-0002-1825-0097")
    digits = found[1].replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    wanted = (12 - total % 11) % 11
    if digits[-1] != ("X" if wanted == 10 else str(wanted)):
        raise ValueError(f"{found[1]} is no ORCID iD: its check digit does not fit, see for a typo")
    return f"https://orcid.org/{found[1]}"


def check_ror(text: str) -> str:
    """Return a ROR identifier as its URL, ``https://ror.org/04t3en479``.

    Raises:
        ValueError: It is none, or its check digits (ISO 7064, MOD 97-10) do not fit.
    """
    found = _ROR.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("a ROR identifier is 0, six letters or digits and two digits: 04t3en479")
    number = 0
    for digit in found[1][1:7]:
        number = number * 32 + _BASE32.index(digit)
    if int(found[1][7:]) != 98 - number * 100 % 97:
        raise ValueError(f"{found[1]} is no ROR identifier: its check digits do not fit")
    return f"https://ror.org/{found[1]}"


def link_of(identifier: str) -> str:
    """Return a DOI as its URL, and everything else as it is."""
    found = _DOI.fullmatch(identifier.strip())
    return f"https://doi.org/{found[1]}" if found else identifier.strip()
