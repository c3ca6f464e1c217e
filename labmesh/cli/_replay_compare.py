"""Whether a campaign that was run again decided as it had decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from messages.query import RequestView


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two campaigns part.

    Attributes:
        number: Of the request, from 1.
        what: Field, as ``parameters.w_ec``, or what is missing.
        recorded: What it was then; None where there is nothing.
        replayed: What it is now.
    """

    number: int
    what: str
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        return f"request {self.number}: {self.what} was {self.recorded!r} and is {self.replayed!r}"


def first_difference(
    recorded: Sequence[RequestView], replayed: Sequence[RequestView]
) -> Difference | None:
    """Return the first difference of two campaigns, each in the order of its ledger, or None."""
    for number, (one, other) in enumerate(zip(recorded, replayed, strict=False), start=1):
        for name in ("quantity", "method"):
            a, b = getattr(one, name), getattr(other, name)
            if a != b:
                return Difference(number, name, a, b)
        found = _first(one.parameters, other.parameters, "parameters")
        if found is not None:
            return Difference(number, *found)
    if len(recorded) != len(replayed):
        number = min(len(recorded), len(replayed)) + 1
        longer = recorded if len(recorded) > len(replayed) else replayed
        asked = longer[number - 1].parameters
        then, now = (asked, None) if longer is recorded else (None, asked)
        return Difference(number, "parameters", then, now)
    return None


def _first(one: Any, other: Any, path: str) -> tuple[str, Any, Any] | None:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            found = _first(one.get(key), other.get(key), f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            found = _first(a, b, f"{path}.{index}")
            if found is not None:
                return found
        return None
    return None if one == other else (path, one, other)
