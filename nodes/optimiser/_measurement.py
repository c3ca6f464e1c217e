"""One request of a campaign, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from messages.ledger import ResultStatus, Status
from messages.model import JsonObject
from messages.query import ResultView
from nodes.optimiser._encoding import Encoding
from nodes.optimiser._lab import Ending
from nodes.optimiser._space import Point
from nodes.optimiser._strategy import Observation


@dataclass(frozen=True, slots=True)
class Measurement:
    """A request that has ended.

    Attributes:
        number: From 1, in the order of the requests.
        request: Its uuid.
        wanted: The point that was asked for.
        point: The point that was really measured.
        status: How the request ended.
        value: In the objective's unit, or None.
        uncertainty: Standard, in the same unit; 0 where the worker gave none.
        rating: The worker's, or None.
        lesson: Whether the strategy learns from it.
        reason: Why not, else empty.
        result: The result's uuid, or None.
        author: Who measured.
        simulated: Whether no real instrument was involved.
        stamp: When, by the worker's clock (ns), or 0.
        load_time: When, by the ledger's wall clock (ns), or 0.
    """

    number: int
    request: UUID
    wanted: Point
    point: Point
    status: Status
    value: float | None = None
    uncertainty: float = 0.0
    rating: int | None = None
    lesson: bool = False
    reason: str = ""
    result: UUID | None = None
    author: str = ""
    simulated: bool = False
    stamp: int = 0
    load_time: int = 0

    def observation(self) -> Observation:
        """Return what the strategy learns. Only of a lesson."""
        if self.value is None:
            raise ValueError("there is nothing to learn from this measurement")
        return Observation.of(self.point, self.value, self.uncertainty)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a campaign reads results.

    Attributes:
        encoding: Between points and parameters.
        output: Dotted path into the data.
        unit: That the value must have, where it says one.
        minimum_rating: Worse ones teach nothing.
    """

    encoding: Encoding
    output: str
    unit: str
    minimum_rating: int

    def measurement(self, number: int, request: UUID, wanted: Point, end: Ending) -> Measurement:
        """Return what came of a request."""
        result = end.result
        if end.status is not Status.RESOLVED or result is None:
            words = f": {end.message}" if end.message else ""
            return Measurement(
                number, request, wanted, wanted, end.status, reason=f"{end.status.value}{words}"
            )
        value, uncertainty, trouble = self.value(result.data)
        trouble = trouble or self.objection(result)
        return Measurement(
            number=number,
            request=request,
            wanted=wanted,
            # A robot doses what it can; what it says it did counts.
            point=self.encoding.point(result.parameters) or wanted,
            status=end.status,
            value=value,
            uncertainty=uncertainty,
            rating=result.rating.rating if result.rating else None,
            lesson=not trouble,
            reason=trouble,
            result=result.id,
            author=str(result.author),
            simulated=result.provenance.simulated,
            stamp=result.stamp,
            load_time=result.load_time,
        )

    def objection(self, result: ResultView, minimum: int | None = None) -> str:
        """Return why nothing is to be learned from ``result``, or an empty text."""
        least = self.minimum_rating if minimum is None else minimum
        if result.outcome != "resolved":
            return "failed"
        if result.status is ResultStatus.DELETED:
            return f"its author withdrew it: {result.reason}"
        if result.rating is not None and not result.rating.success:
            return f"not successful: {result.rating.reason}"
        if result.rating is not None and result.rating.rating < least:
            return f"rated {result.rating.rating}, below {least}: {result.rating.reason}"
        return ""

    def value(self, data: JsonObject) -> tuple[float | None, float, str]:
        """Return value, uncertainty (0 if unknown), and what is wrong with them, if anything."""
        found: Any = data
        for key in self.output.split("."):
            if not isinstance(found, Mapping) or key not in found:
                return None, 0.0, f"its data have no {self.output}"
            found = found[key]
        uncertainty: Any = None
        if isinstance(found, Mapping):
            if found.get("unit", self.unit) != self.unit:
                return None, 0.0, f"its {self.output} is in {found['unit']}, not in {self.unit}"
            uncertainty = found.get("uncertainty")
            found = found.get("value")
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None, 0.0, f"its {self.output} is no number"
        known = isinstance(uncertainty, int | float)
        return float(found), float(uncertainty) if known else 0.0, ""
