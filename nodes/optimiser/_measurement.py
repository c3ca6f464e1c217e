"""One request of a campaign, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from messages.ledger import ResultStatus, Status
from messages.model import JsonObject
from messages.query import ResultView
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.optimiser._encoding import Encoding
from nodes.optimiser._lab import Ending
from nodes.optimiser._output import Output
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
        values: One per objective, in its unit; empty where there is none.
        uncertainties: Standard, in the same units; 0 where the worker gave none.
        fidelity: By what; empty for the target.
        rating: The worker's, or None.
        lesson: Whether the strategy learns from it.
        reason: Why not, else empty.
        result: The result's uuid, or None.
        author: Who measured.
        simulated: Whether no real instrument was involved, or something it was made from was
            simulated.
        stamp: When, by the worker's clock (ns), or 0.
        load_time: When, by the ledger's wall clock (ns), or 0.
    """

    number: int
    request: UUID
    wanted: Point
    point: Point
    status: Status
    values: tuple[float, ...] = ()
    uncertainties: tuple[float, ...] = ()
    fidelity: str = ""
    rating: int | None = None
    lesson: bool = False
    reason: str = ""
    result: UUID | None = None
    author: str = ""
    simulated: bool = False
    stamp: int = 0
    load_time: int = 0

    @property
    def value(self) -> float | None:
        """The first objective's, or None."""
        return self.values[0] if self.values else None

    @property
    def uncertainty(self) -> float:
        """The first objective's; 0 where there is none."""
        return self.uncertainties[0] if self.uncertainties else 0.0

    @property
    def at_target(self) -> bool:
        """Whether it is a lesson from the target fidelity."""
        return self.lesson and not self.fidelity

    def observation(self) -> Observation:
        """Return what the strategy learns. Only of a lesson."""
        if not self.values:
            raise ValueError("there is nothing to learn from this measurement")
        return Observation(self.point, self.values, self.uncertainties, fidelity=self.fidelity)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a campaign reads results.

    Attributes:
        encoding: Between points and parameters.
        outputs: Where in the data the objectives' values are.
        minimum_rating: Worse ones teach nothing.
        fidelity: Whose results these are; empty for the target.
        relative_noise: Of a value whose result says no uncertainty, as a fraction of it.
    """

    encoding: Encoding
    outputs: tuple[Output, ...]
    minimum_rating: int
    fidelity: str = ""
    relative_noise: float = 0.0

    def measurement(self, number: int, request: UUID, wanted: Point, end: Ending) -> Measurement:
        """Return what came of a request."""
        result = end.result
        if end.status is not Status.RESOLVED or result is None:
            words = f": {end.message}" if end.message else ""
            return Measurement(
                number, request, wanted, wanted, end.status,
                fidelity=self.fidelity, reason=f"{end.status.value}{words}",
                result=result.id if result else None, author=str(result.author) if result else "",
                stamp=result.stamp if result else 0, load_time=result.load_time if result else 0,
            )  # fmt: skip
        values, uncertainties, trouble = self.values(result.data)
        trouble = trouble or self.objection(result)
        return Measurement(
            number=number,
            request=request,
            wanted=wanted,
            # A robot doses what it can; what it says it did counts.
            point=self.encoding.point(result.parameters) or wanted,
            status=end.status,
            values=values,
            uncertainties=uncertainties,
            fidelity=self.fidelity,
            rating=result.rating.rating if result.rating else None,
            lesson=not trouble,
            reason=trouble,
            result=result.id,
            author=str(result.author),
            simulated=result.provenance.simulated
            or result.provenance.notes.get(RESTS_ON_SIMULATED) is True,
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

    def values(self, data: JsonObject) -> tuple[tuple[float, ...], tuple[float, ...], str]:
        """Return values and uncertainties (0 if unknown), and what is wrong with them, if so.

        Where one objective has no value there are none at all.
        """
        values, uncertainties = [], []
        for output in self.outputs:
            value, uncertainty, trouble = output.read(data)
            if value is None:
                return (), (), trouble
            values.append(value)
            uncertainties.append(uncertainty or self.relative_noise * abs(value))
        return tuple(values), tuple(uncertainties), ""
