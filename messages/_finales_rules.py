"""Rules that turn one of our models into a FINALES 2 object and back, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel

from messages.errors import BodyError
from messages.quantity import Quantity

Row = tuple[str, str, str]
"""Our field, FINALES' field, what happens to the value."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value changes.

    Attributes:
        to: To FINALES.
        back: From FINALES.
        note: The change in words.
        rules: Those of a nested object, else none.
        name: Of a nested object that has a table of its own, else empty.
    """

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]
    note: str = ""
    rules: tuple[Rule, ...] = ()
    name: str = ""


class Rule(Protocol):
    """A piece of a mapping between two objects."""

    def to(self, ours: BaseModel, theirs: dict[str, Any]) -> None:
        """Put what ``ours`` has to say into ``theirs``."""

    def back(self, theirs: Mapping[str, Any], ours: dict[str, Any]) -> None:
        """Put what ``theirs`` has to say into ``ours``."""

    def rows(self) -> Iterator[Row]:
        """Describe the rule."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value here is one value there; paths are dotted. Nothing, null and "" are skipped.

    Where our model has the value in short, ``read`` names the property that has it in full.
    """

    ours: str
    theirs: str
    codec: Codec
    only: Literal["to", "back", ""] = ""
    read: str = ""

    def to(self, ours: BaseModel, theirs: dict[str, Any]) -> None:
        """See `Rule`."""
        value = _get(ours, self.read or self.ours)
        if self.only != "back" and value is not None and not _is_empty(value):
            _set(theirs, self.theirs, converted(self.codec.to, value, self.ours))

    def back(self, theirs: Mapping[str, Any], ours: dict[str, Any]) -> None:
        """See `Rule`."""
        value = _get(theirs, self.theirs)
        if self.only != "to" and value is not None:
            found = converted(self.codec.back, value, self.theirs)
            if found is not None:
                _set(ours, self.ours, found)

    def rows(self) -> Iterator[Row]:
        """See `Rule`."""
        note = self.codec.note
        if self.codec.name:
            note = f"{note} {self.codec.name}".strip()
        if self.only:
            note = f"{note} ({'to' if self.only == 'to' else 'from'} FINALES only)".strip()
        yield self.ours, self.theirs, note
        if self.codec.name:
            return
        for rule in self.codec.rules:
            for ours, theirs, below in rule.rows():
                yield f"{self.ours}.{ours}", f"{self.theirs}.{theirs}", below


@dataclass(frozen=True, slots=True)
class Measured:
    """A `Quantity` here is ``{values, meta, temperature}`` there.

    The repeats go to values, and so does the quantity itself where there are none; from there the
    quantity is the mean of values, with its standard uncertainty.

    Attributes:
        field: Our quantity, and FINALES' object.
        unit: Our unit.
        factor: Our unit's value of one FINALES unit.
        note: The conversion in words.
        repeats: Our array of single values, or empty.
        temperature: Whether our ``temperature`` is in this object.
    """

    field: str
    unit: str
    factor: float = 1.0
    note: str = ""
    repeats: str = ""
    temperature: bool = False

    def to(self, ours: BaseModel, theirs: dict[str, Any]) -> None:
        """See `Rule`."""
        quantity: Quantity | None = getattr(ours, self.field)
        if quantity is None:
            return
        repeats = getattr(ours, self.repeats) if self.repeats else None
        values = [quantity.value] if repeats is None else repeats.ravel().tolist()
        theirs[self.field] = {"values": [value / self.factor for value in values]}
        if quantity.quality is not None:
            theirs[self.field]["meta"] = quantity.quality.model_dump(include={"success", "rating"})
        measured_at: Quantity | None = getattr(ours, "temperature", None)
        if measured_at is not None:
            theirs[self.field]["temperature"] = measured_at.value

    def back(self, theirs: Mapping[str, Any], ours: dict[str, Any]) -> None:
        """See `Rule`."""
        found = theirs.get(self.field)
        if found is None:
            return
        values = converted(
            lambda item: [number(value) * self.factor for value in item["values"]],
            found,
            f"{self.field}.values",
        )
        mean = converted(
            lambda item: Quantity.mean(item, self.unit), values, f"{self.field}.values"
        )
        ours[self.field] = mean.model_dump() | {"quality": found.get("meta")}
        if self.repeats:
            ours[self.repeats] = np.array(values, dtype="<f8")
        if self.temperature and found.get("temperature") is not None:
            ours["temperature"] = {"value": found["temperature"], "unit": "K"}

    def rows(self) -> Iterator[Row]:
        """See `Rule`."""
        both = f"{self.field}, {self.repeats}" if self.repeats else self.field
        yield both, f"{self.field}.values", f"{self.note}; the mean of values".removeprefix("; ")
        yield f"{self.field}.quality", f"{self.field}.meta", "without reason"
        if self.temperature:
            yield "temperature", f"{self.field}.temperature", "K"


@dataclass(frozen=True, slots=True)
class Alternating:
    """Capacities of charges and discharges here, one alternating list there."""

    charge: str
    discharge: str
    theirs: str

    def to(self, ours: BaseModel, theirs: dict[str, Any]) -> None:
        """See `Rule`."""
        charge, discharge = getattr(ours, self.charge), getattr(ours, self.discharge)
        mixed = np.empty(charge.size + discharge.size)
        mixed[0::2], mixed[1::2] = charge, discharge
        theirs[self.theirs] = mixed.tolist()

    def back(self, theirs: Mapping[str, Any], ours: dict[str, Any]) -> None:
        """See `Rule`."""
        if theirs.get(self.theirs) is not None:
            mixed = converted(numbers, theirs[self.theirs], self.theirs)
            ours[self.charge], ours[self.discharge] = mixed[0::2].copy(), mixed[1::2].copy()

    def rows(self) -> Iterator[Row]:
        """See `Rule`."""
        yield f"{self.charge}, {self.discharge}", self.theirs, "A.h, charge first"


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A `Quantity` here is two fields there, value (a whole number) and uncertainty."""

    ours: str
    unit: str
    value: str
    uncertainty: str

    def to(self, ours: BaseModel, theirs: dict[str, Any]) -> None:
        """See `Rule`."""
        quantity: Quantity = getattr(ours, self.ours)
        theirs[self.value] = round(quantity.value)
        if quantity.uncertainty is not None:
            theirs[self.uncertainty] = quantity.uncertainty

    def back(self, theirs: Mapping[str, Any], ours: dict[str, Any]) -> None:
        """See `Rule`."""
        if theirs.get(self.value) is not None:
            ours[self.ours] = {
                "value": theirs[self.value],
                "uncertainty": theirs.get(self.uncertainty),
                "unit": self.unit,
            }

    def rows(self) -> Iterator[Row]:
        """See `Rule`."""
        yield f"{self.ours}.value", self.value, "rounded to a whole number"
        yield f"{self.ours}.uncertainty", self.uncertainty, ""


def forth(rules: Sequence[Rule], ours: BaseModel) -> dict[str, Any]:
    """Return the FINALES object that ``rules`` make of ``ours``."""
    theirs: dict[str, Any] = {}
    for rule in rules:
        rule.to(ours, theirs)
    return theirs


def back(rules: Sequence[Rule], theirs: Any) -> dict[str, Any]:
    """Return the fields of ours that ``rules`` make of a FINALES object, not yet validated."""
    if not isinstance(theirs, Mapping):
        raise TypeError(f"{type(theirs).__name__} is not an object")
    ours: dict[str, Any] = {}
    for rule in rules:
        rule.back(theirs, ours)
    return ours


def converted(convert: Callable[[Any], Any], value: Any, where: str) -> Any:
    """Return ``convert(value)``; what goes wrong becomes a `BodyError` that names the field."""
    try:
        return convert(value)
    except BodyError as error:
        path = f"{where}.{error.where}" if error.where else where
        raise BodyError(error.what, where=path, remedy=error.remedy) from None
    except KeyError as error:
        raise BodyError(f"{error.args[0]} is missing", where=where) from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BodyError(f"cannot be converted: {str(error)[:200]}", where=where) from None


def number(value: Any) -> float:
    """Return ``value`` as a float; text and booleans are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} is not a number")
    return float(value)


def numbers(value: Any) -> Any:
    """Return nested lists of numbers as an array."""
    array = np.array(value)
    if array.size and array.dtype.kind not in "if":
        raise TypeError("not a list of numbers")
    return array.astype("<f8")


def _get(source: Any, path: str) -> Any:
    for name in path.split("."):
        if source is None:
            return None
        source = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return source


def _set(target: dict[str, Any], path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[name] = value


def _is_empty(value: Any) -> bool:
    return isinstance(value, str | Mapping) and not value
