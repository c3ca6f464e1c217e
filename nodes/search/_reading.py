"""What a question was understood to ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from messages.errors import LabmeshError
from nodes.search._lexicon import Concept
from nodes.search._services import Meant
from nodes.search._units import Dimension, Unit, read_unit

NUMBER: Final = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
"""In text that has been through `tidy`."""

KELVIN: Final[Dimension] = (0, 0, 0, 0, 1, 0)

TOLERANCE_K: Final = 1.0
"""Kelvin by which a temperature may differ from the one asked for, unless the question says."""

TOLERANCE: Final = 0.05
"""Share by which any other condition may."""


@dataclass(frozen=True, slots=True)
class Range:
    """An interval of a quantity, both ends included, in the coherent SI unit.

    Attributes:
        low: None: open.
        high: None: open.
        unit: As it was asked; None: the number had none, and is compared as it stands.
        quantity: What it is of; None: any parameter of the unit's dimension.
    """

    low: float | None
    high: float | None
    unit: Unit | None
    quantity: Concept | None = None

    def words(self) -> str:
        """Say it as a person would, in the unit that was asked."""
        unit = f" {self.unit.symbol}" if self.unit and self.unit.symbol != "1" else ""
        low, high = (None if end is None else f"{self._shown(end):.6g}{unit}"
                     for end in (self.low, self.high))  # fmt: skip
        if low is not None and high is not None:
            return f"from {low} to {high}"
        return f"at least {low}" if high is None else f"at most {high}"

    def _shown(self, value: float) -> float:
        return self.unit.from_si(value) if self.unit else value


@dataclass(slots=True)
class Reading:
    """A question, understood; what is None or empty was not asked."""

    quantity: Concept | None = None
    object: Concept | None = None
    containing: list[Concept] = field(default_factory=list)
    without: list[Concept] = field(default_factory=list)
    bound: Range | None = None
    conditions: list[Range] = field(default_factory=list)
    method: Concept | None = None
    method_name: str = ""
    campaign: str = ""
    site: str = ""
    sample: str = ""
    since: str = ""
    until: str = ""
    simulated: bool | None = None
    quality: int | None = None
    understood: list[Meant] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def means(self, phrase: str, meaning: str, concept: Concept | None = None) -> None:
        """Note how a phrase was understood."""
        iri = concept.iri if concept else ""
        self.understood.append(Meant(phrase=" ".join(phrase.split()), meaning=meaning, iri=iri))

    @property
    def empty(self) -> bool:
        """Whether nothing at all was asked."""
        return not self.understood


def tidy(text: str) -> str:
    """Return text with one kind of minus, and points in numbers: 1,5 is 1.5 and 1,000 is 1000."""
    text = text.replace("\N{MINUS SIGN}", "-")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.sub(r"(?<=\d),(?=\d)", ".", text)


def unit_at(text: str) -> tuple[Unit | None, int]:
    """Return the unit with which ``text`` begins, and how many characters it takes."""
    found = re.match(r"\s*([^\s,;]+)(?:\s+([^\s,;]+))?", text)
    if found is None:
        return None, 0
    for group in (2, 1):
        if found[group] is None:
            continue
        words = text[: found.end(group)].strip().rstrip(".,;:?!")
        unit = read_unit(words)
        if unit is not None and not words[:1].isdigit():
            return unit, text.index(words) + len(words)
    return None, 0


def around(value: float, unit: Unit | None, width: float | None, of: Concept | None) -> Range:
    """Return the interval of a condition.

    Args:
        value: As asked.
        unit: Of the value.
        width: Half of it, in ``unit`` (of degrees Celsius: kelvin); None: the usual tolerance.
        of: The quantity.
    """
    middle = unit.to_si(value) if unit else value
    if width is not None:
        half = width * (unit.factor if unit else 1.0)
    elif unit is not None and unit.dimension == KELVIN:
        half = TOLERANCE_K
    else:
        half = abs(middle) * TOLERANCE
    return Range(middle - half, middle + half, unit, of)


def instant(text: str, option: str) -> str:
    """Return a day or a time as ISO 8601 with its zone; without one it is UTC.

    Raises:
        LabmeshError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LabmeshError(
            f"{text!r} is no day or time", where=option,
            remedy="write 2026-11-21, or 2026-11-21T09:30",
        ) from None  # fmt: skip
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
