"""An order in the hands of the capability that serves it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel

import messages.ledger as wire
from messages.errors import ArtifactError, OrderVoidError
from messages.ids import NodeId
from messages.ledger import ArtifactRef, Progress, ProgressKind, Rating, SampleStep
from messages.model import JsonObject
from messages.reproducibility import Recipe

P = TypeVar("P", bound=BaseModel)


class Attach(Protocol):
    """Keeps a copy of a file or of bytes; as `labmesh.artifacts.ArtifactDesk.attach`."""

    async def __call__(
        self, source: Path | str | bytes, *, name: str, media_type: str
    ) -> ArtifactRef:
        """Return the reference that a result carries."""
        ...


class Order(Generic[P]):
    """What to do, and the ways to say how it goes.

    Attributes:
        parameters: The validated parameters.
        request: The request's uuid.
        requester: Who asks.
        campaign: For which campaign, or None.
        from_state: The sample it is about and that sample's last state, or None.
        attempt: 1 at the first attempt.
        uninterruptible_because: Why it may not be cancelled now, or None.
        untouched: Set it for as long as nothing has been done to the sample of ``from_state``: a
            failure then leaves that sample's state as it was, instead of ``unknown``.
        simulated: Set it where this very order is fulfilled without anything real; the result's
            provenance says so.
    """

    def __init__(
        self,
        wire_order: wire.Order,
        parameters: P,
        report: Callable[[Progress], Awaitable[None]],
        attach: Attach | None = None,
    ) -> None:
        self.parameters = parameters
        self.request: UUID = wire_order.request
        self.requester = NodeId.parse(wire_order.requester)
        self.campaign = wire_order.campaign
        self.from_state = wire_order.from_state
        self.attempt = wire_order.attempt
        self._token = wire_order.token
        self._report = report
        self._attach = attach
        self._void: str | None = None
        self.uninterruptible_because: str | None = None
        self.untouched = False
        self.simulated = False
        self._rating: Rating | None = None
        self._performed: JsonObject = wire_order.parameters
        self._notes: JsonObject = {}
        self.recipe: Recipe | None = None
        self.packages: tuple[str, ...] = ()
        self._samples: list[SampleStep] = []
        self._artifacts: list[ArtifactRef] = []

    async def feedback(self, fraction: float | None, text: str = "") -> None:
        """Say how far it is; renews the lease.

        Args:
            fraction: 0 to 1 (what lies beyond by rounding is cut), or None where unknown.
            text: What is being done.

        Raises:
            OrderVoidError: The order was retracted or given to another: stop safely.
        """
        self.check()
        if fraction is not None:
            fraction = min(max(float(fraction), 0.0), 1.0) if math.isfinite(fraction) else None
        await self._report(
            Progress(
                request=self.request,
                token=self._token,
                kind=ProgressKind.FEEDBACK,
                fraction=fraction,
                text=text[:4000],
            )
        )
        self.check()

    def check(self) -> None:
        """Do nothing while the order stands.

        Raises:
            OrderVoidError: It does not stand any more.
        """
        if self._void is not None:
            raise OrderVoidError(f"order is void: {self._void}", where=str(self.request))

    @property
    def cancel_requested(self) -> bool:
        """Whether it shall stop; `check` and `feedback` raise from then on."""
        return self._void is not None

    @contextmanager
    def uninterruptible(self, reason: str) -> Iterator[None]:
        """Refuse to be cancelled for as long as the block runs; its requester is told why.

        For what must not stop half-way: a cell under pressure, a needle in a vial. A cancel is
        answered at once and not remembered. It keeps off neither the loss of the order nor the end
        of the node.
        """
        before, self.uninterruptible_because = self.uninterruptible_because, reason or "no reason"
        try:
            yield
        finally:
            self.uninterruptible_because = before

    def rate(self, *, success: bool, rating: int, reason: str = "") -> None:
        """Rate the result 0 to 5, and say how the rating follows from what was measured."""
        self._rating = Rating(success=success, rating=rating, reason=reason)

    def note(self, **values: Any) -> None:
        """Add to the result's provenance: volumes, raw readings, settings."""
        self._notes.update(values)

    def reproducible(self, recipe: Recipe, *packages: str) -> None:
        """Say what it takes to compute the same again; a model does.

        The code, the machine and who asked are added to the result's provenance by themselves.

        Args:
            recipe: Which model, what it began with, its seeds, the hash of its training data.
            packages: Those whose versions decide what comes out.
        """
        self.recipe, self.packages = recipe, packages

    def performed(self, parameters: BaseModel | JsonObject) -> None:
        """Say what was really done where it differs from what was asked."""
        plain = parameters.model_dump() if isinstance(parameters, BaseModel) else parameters
        self._performed = plain

    def sample(self, step: SampleStep) -> None:
        """Report the birth or the next state of a sample, in the order they happened."""
        self._samples.append(step)

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Attach a file, or content, of any size to the result; it is copied before this returns.

        The ledger fetches it by itself once it has the result.

        Args:
            source: A path (the file is never read as a whole), or bytes.
            name: What it is called; a file's own name by default.
            media_type: By default guessed from the name.

        Raises:
            ArtifactError: There is no such file, it is larger than the node's ``artifact_limit``,
                or the copy cannot be written.
        """
        if self._attach is None:
            raise ArtifactError("this order has no place for artifacts", where=name)
        reference = await self._attach(source, name=name, media_type=media_type)
        self.artifact(reference)
        return reference

    def artifact(self, artifact: ArtifactRef) -> None:
        """Name an artifact that has been attached before, or that another node holds."""
        self._artifacts.append(artifact)

    def void(self, reason: str) -> None:
        """Mark the order as void (the ledger said so)."""
        self._void = reason

    def story(self) -> dict[str, Any]:
        """Return what was reported, as fields of a `messages.ledger.Result`."""
        return {
            "parameters": self._performed,
            "rating": self._rating,
            "samples": tuple(self._samples),
            "artifacts": tuple(self._artifacts),
        }

    @property
    def notes(self) -> JsonObject:
        """What was noted so far."""
        return self._notes
