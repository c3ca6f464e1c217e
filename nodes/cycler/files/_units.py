"""Units in the headers of vendors' files: ``Current(A)``, ``Current/mA``, ``I (uA)``, ``U[V]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

_PREFIX: Final = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "M": 1e6}


def _prefixed(
    symbol: str, canonical: str, scale: float = 1.0, prefixes: str = "kmun"
) -> list[tuple[str, tuple[str, float]]]:
    return [(prefix + symbol, (canonical, scale * _PREFIX[prefix])) for prefix in ("", *prefixes)]


_UNITS: Final[dict[str, tuple[str, float]]] = dict(
    [
        *_prefixed("A", "A", prefixes="kmunp"),
        *_prefixed("Amps", "A"),
        *_prefixed("Amp", "A"),
        *_prefixed("V", "V"),
        *_prefixed("Volts", "V"),
        *_prefixed("Volt", "V"),
        *_prefixed("Ah", "A.h"),
        *_prefixed("A.h", "A.h"),
        *_prefixed("A.Hr", "A.h"),
        *_prefixed("AHr", "A.h"),
        *_prefixed("Amp-hr", "A.h"),
        *_prefixed("Amp-hours", "A.h"),
        *_prefixed("As", "A.h", 1 / 3600),
        *_prefixed("A.s", "A.h", 1 / 3600),
        *_prefixed("Wh", "W.h"),
        *_prefixed("W.h", "W.h"),
        *_prefixed("W.Hr", "W.h"),
        *_prefixed("WHr", "W.h"),
        *_prefixed("Watt-hr", "W.h"),
        *_prefixed("Watt-hours", "W.h"),
        *_prefixed("Ws", "W.h", 1 / 3600),
        *_prefixed("W.s", "W.h", 1 / 3600),
        *_prefixed("J", "W.h", 1 / 3600),
        *_prefixed("W", "W"),
        *_prefixed("Watts", "W"),
        *_prefixed("Ohm", "Ohm", prefixes="kmuM"),
        *_prefixed("ohm", "Ohm", prefixes="kmuM"),
        *_prefixed("Ohms", "Ohm", prefixes="kmuM"),
        *_prefixed("Hz", "Hz", prefixes="kmM"),
        *_prefixed("s", "s", prefixes="mu"),
        *_prefixed("Pa", "Pa", prefixes="kM"),
        ("sec", ("s", 1.0)),
        ("Sec", ("s", 1.0)),
        ("Secs", ("s", 1.0)),
        ("second", ("s", 1.0)),
        ("seconds", ("s", 1.0)),
        ("Seconds", ("s", 1.0)),
        ("millisecond", ("s", 1e-3)),
        ("min", ("s", 60.0)),
        ("Min", ("s", 60.0)),
        ("mins", ("s", 60.0)),
        ("minutes", ("s", 60.0)),
        ("Minutes", ("s", 60.0)),
        ("h", ("s", 3600.0)),
        ("hr", ("s", 3600.0)),
        ("Hr", ("s", 3600.0)),
        ("hrs", ("s", 3600.0)),
        ("hour", ("s", 3600.0)),
        ("hours", ("s", 3600.0)),
        ("Hours", ("s", 3600.0)),
        ("d", ("s", 86400.0)),
        ("days", ("s", 86400.0)),
        ("bar", ("Pa", 1e5)),
        ("mbar", ("Pa", 1e2)),
        ("kPa", ("Pa", 1e3)),
        ("degC", ("Cel", 1.0)),
        ("°C", ("Cel", 1.0)),
        ("℃", ("Cel", 1.0)),
        ("Cel", ("Cel", 1.0)),
        ("Celsius", ("Cel", 1.0)),
        ("deg", ("deg", 1.0)),
        ("%", ("%", 1.0)),
        ("1", ("1", 1.0)),
    ]
)


_SPELLINGS: Final = str.maketrans(
    {
        "\N{MICRO SIGN}": "u",
        "\N{GREEK SMALL LETTER MU}": "u",
        "\N{REPLACEMENT CHARACTER}": "u",
        "\N{MIDDLE DOT}": ".",
        "*": ".",
        "\N{OHM SIGN}": "Ohm",
        "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm",
    }
)


def _plain(unit: str) -> str:
    """One spelling: micro as u, no blanks, a full stop between the units, the sign as Ohm."""
    text = unit.strip().translate(_SPELLINGS)
    return text.replace(" ", "")


@dataclass(frozen=True)
class Header:
    """A column's header: its name without the unit, and the unit as written ("" without one)."""

    name: str
    unit: str

    @property
    def key(self) -> str:
        """The name for comparisons: lower case, only letters and digits."""
        return re.sub(r"[^a-z0-9]+", "", self.name.lower())


_BRACKETED: Final = re.compile(r"^\s*(.*?)\s*[(\[{<]\s*([^()\[\]{}<>]*)\s*[)\]}>]\s*$", re.DOTALL)
_INSIDE: Final = re.compile(r"^\s*<([^<>/]+)/([^<>/]+)>\s*$")
_SLASHED: Final = re.compile(r"^\s*(.+)/\s*([^/]+?)\s*$", re.DOTALL)


@lru_cache(maxsize=4096)
def parse_header(text: str) -> Header:
    """``Current(A)``, ``Current / mA``, ``I [uA]`` and ``(Q-Qo)/mA.h`` as name and unit.

    What stands in brackets or after the last slash is the unit only when it is one we know:
    ``dQ/dV(Ah/V)`` and ``I/O`` keep their name whole.
    """
    # EC-Lab's OCV and CP write "<Ewe/V>" for the mean "<Ewe>/V".
    inside = _INSIDE.match(text)
    if inside and unit_of(inside.group(2)):
        return Header(f"<{inside.group(1)}>", inside.group(2))
    for pattern in (_BRACKETED, _SLASHED):
        found = pattern.match(text)
        if found and found.group(1) and (unit_of(found.group(2)) or _plain(found.group(2)) == "C"):
            return Header(found.group(1).strip(), found.group(2).strip())
    return Header(text.strip(), "")


def unit_of(unit: str) -> tuple[str, float] | None:
    """The canonical unit and how many of it one is: ``mAh`` -> ("A.h", 1e-3). None: unknown."""
    return _UNITS.get(_plain(unit))


def factor(unit: str, canonical: str) -> float | None:
    """What a number in ``unit`` is multiplied with to be in ``canonical``; None: it cannot be.

    A bare C is degrees where a temperature is asked for, and coulombs where a charge is.
    """
    plain = _plain(unit)
    if plain in {"C", "mC", "uC"} and canonical == "A.h":
        return _PREFIX[plain[:-1]] / 3600
    if plain in {"C", "c"} and canonical == "Cel":
        return 1.0
    found = _UNITS.get(plain)
    return found[1] if found and found[0] == canonical else None


def scaled(values: pl.Series, by: float) -> pl.Series:
    """Values times a factor; untouched (and not copied) when it is one."""
    return values if by == 1.0 else values * by
