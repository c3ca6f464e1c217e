"""Units as people write them, and what they are in SI."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

Dimension = tuple[int, int, int, int, int, int]
"""Exponents of metre, kilogram, second, ampere, kelvin, mole."""

_ONE: Final[Dimension] = (0, 0, 0, 0, 0, 0)

_BASE: Final[dict[str, tuple[float, Dimension]]] = {
    "1": (1.0, _ONE),
    "m": (1.0, (1, 0, 0, 0, 0, 0)),
    "g": (1e-3, (0, 1, 0, 0, 0, 0)),
    "s": (1.0, (0, 0, 1, 0, 0, 0)),
    "min": (60.0, (0, 0, 1, 0, 0, 0)),
    "h": (3600.0, (0, 0, 1, 0, 0, 0)),
    "d": (86400.0, (0, 0, 1, 0, 0, 0)),
    "A": (1.0, (0, 0, 0, 1, 0, 0)),
    "K": (1.0, (0, 0, 0, 0, 1, 0)),
    "mol": (1.0, (0, 0, 0, 0, 0, 1)),
    "L": (1e-3, (3, 0, 0, 0, 0, 0)),
    "l": (1e-3, (3, 0, 0, 0, 0, 0)),
    "M": (1e3, (-3, 0, 0, 0, 0, 1)),
    "Hz": (1.0, (0, 0, -1, 0, 0, 0)),
    "N": (1.0, (1, 1, -2, 0, 0, 0)),
    "Pa": (1.0, (-1, 1, -2, 0, 0, 0)),
    "bar": (1e5, (-1, 1, -2, 0, 0, 0)),
    "J": (1.0, (2, 1, -2, 0, 0, 0)),
    "W": (1.0, (2, 1, -3, 0, 0, 0)),
    "C": (1.0, (0, 0, 1, 1, 0, 0)),
    "V": (1.0, (2, 1, -3, -1, 0, 0)),
    "Ohm": (1.0, (2, 1, -3, -2, 0, 0)),
    "S": (1.0, (-2, -1, 3, 2, 0, 0)),
    "P": (0.1, (-1, 1, -1, 0, 0, 0)),
    "Ah": (3600.0, (0, 0, 1, 1, 0, 0)),
    "Wh": (3600.0, (2, 1, -2, 0, 0, 0)),
    "By": (1.0, _ONE),
    "%": (1e-2, _ONE),
    "ppm": (1e-6, _ONE),
    "cycle": (1.0, _ONE),
    "cycles": (1.0, _ONE),
}
"""Factor to the coherent SI unit and dimension (SI Brochure, 9th edition, tables 2, 4 and 8; poise:
CGS). ``C`` is the coulomb only within an expression; alone it is a degree."""

_PREFIX: Final = {
    "": 1.0, "G": 1e9, "M": 1e6, "k": 1e3, "c": 1e-2, "d": 1e-1, "m": 1e-3, "u": 1e-6, "n": 1e-9,
    "p": 1e-12,
}  # fmt: skip

_WORDS: Final = {
    "kelvin": "K", "celsius": "degC", "volt": "V", "volts": "V", "siemens": "S", "hours": "h",
    "hour": "h", "minutes": "min", "seconds": "s", "percent": "%", "ohm": "Ohm", "ohms": "Ohm",
    "C": "degC", "deg": "degC", "degc": "degC",
    "\N{DEGREE SIGN}C": "degC", "\N{DEGREE CELSIUS}": "degC",
}  # fmt: skip

_LETTERS: Final = str.maketrans(
    {
        "\N{MICRO SIGN}": "u", "\N{GREEK SMALL LETTER MU}": "u", "\N{OHM SIGN}": "Ohm",
        "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm", "\N{MIDDLE DOT}": ".", "\N{DOT OPERATOR}": ".",
        "*": ".", "\N{SUPERSCRIPT ONE}": "1", "\N{SUPERSCRIPT TWO}": "2",
        "\N{SUPERSCRIPT THREE}": "3",
        "\N{SUPERSCRIPT MINUS}": "-", "\N{MINUS SIGN}": "-", "(": "", ")": "",
    }
)  # fmt: skip

_FACTOR: Final = re.compile(r"(%|[A-Za-z]+|1)(?:\^?([+-]?\d))?")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``SI value = value * factor + shift``.

    Attributes:
        symbol: As it was written.
        factor: To the coherent SI unit.
        shift: Of degrees Celsius.
        dimension: What it measures.
    """

    symbol: str
    factor: float
    shift: float
    dimension: Dimension

    def to_si(self, value: float) -> float:
        """Return ``value`` in the coherent SI unit."""
        return value * self.factor + self.shift

    def from_si(self, value: float) -> float:
        """Return a value in the coherent SI unit in this one."""
        return (value - self.shift) / self.factor


def read_unit(text: str) -> Unit | None:
    """Return the unit that a person means by ``text``; None: it names none."""
    plain = text.strip()
    plain = _WORDS.get(plain, _WORDS.get(plain.lower(), plain))
    found = unit_of(plain.translate(_LETTERS))
    return replace(found, symbol=text) if found else None


def unit_of(symbol: str) -> Unit | None:
    """Return the unit that a schema writes as ``symbol``; None: it is not known here."""
    if symbol == "degC":
        return Unit(symbol, 1.0, 273.15, _BASE["K"][1])
    plain = symbol.replace("(", "").replace(")", "")
    factor, dimension = 1.0, _ONE
    # "A/(A.h)" has lost its brackets: all that follows a stroke stands below it.
    for place, part in enumerate(plain.split("/")):
        sign = -1 if place else 1
        for word in re.split(r"[.\s]+", part.strip()):
            found = _FACTOR.fullmatch(word)
            known = _symbol(found[1]) if found else None
            if found is None or known is None:
                return None
            power = sign * int(found[2] or 1)
            factor *= known[0] ** power
            dimension = _times(dimension, known[1], power)
    # Products of decimal factors are off in the last digit.
    return Unit(symbol, float(f"{factor:.12g}"), 0.0, dimension)


def _symbol(word: str) -> tuple[float, Dimension] | None:
    if word in _BASE:
        return _BASE[word]
    for prefix, factor in _PREFIX.items():
        if prefix and word.startswith(prefix) and word[len(prefix) :] in _BASE:
            base, dimension = _BASE[word[len(prefix) :]]
            return factor * base, dimension
    return None


def _times(one: Dimension, other: Dimension, power: int) -> Dimension:
    a, b, c, d, e, f = (x + y * power for x, y in zip(one, other, strict=True))
    return (a, b, c, d, e, f)
