"""What a worker tells the ledger of an order's end, and how it came about."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import messages.ledger as wire
from labmesh.clock import Clock
from labmesh.node._job import Job
from labmesh.node._travel import travelling
from labmesh.reproducibility import note_of, sealed
from messages.errors import OrderError
from messages.ledger import Failure, Provenance, Rating, Result
from messages.model import JsonObject
from messages.sample_state import UNTOUCHED

logger = logging.getLogger("labmesh.worker")


DRY_RUN: Final = Rating(success=False, rating=0, reason="dry run: no byte was sent to any device")
"""The rating of whatever comes of a dry run."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What provenance says of the node on every result."""

    software: str
    instrument: str
    parameters: Callable[[], JsonObject]
    dry_run: Callable[[], bool] = lambda: False
    """Whether everything is done but the act itself."""
    module: str = "labmesh"
    """Dotted name of the module that the node is of."""


class Outcomes:
    """Makes results.

    Args:
        identity: Who did it.
        clock: The node's.
    """

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._host = socket.gethostname()

    def resolved(self, job: Job, data: JsonObject, begun: int) -> Result:
        """Return the result of an order that was fulfilled."""
        order, handed = job.order, job.handed
        if handed is None:
            raise ValueError("an order that was not handed out has no result")
        result = Result(
            request=order.request,
            token=order.token,
            quantity=order.quantity,
            method=order.method,
            outcome="resolved",
            data=data,
            provenance=self._provenance(job, handed.notes, begun),
            campaign=order.campaign,
            **self._told(handed.story()),
        )
        if job.capability.spec.worker != "model":
            return result
        note = note_of(
            self._identity.module,
            handed.recipe,
            *handed.packages,
            requester=order.requester,
            request=order.request,
            made=result.provenance.ended,
        )
        return sealed(result, note)

    def failed(self, job: Job, notes: JsonObject, begun: int, error: OrderError) -> Result:
        """Return the result of an order that was not."""
        order = job.order
        logger.warning("order %s failed: %s", order.request, error)
        story: dict[str, Any] = {"parameters": order.parameters}
        if job.handed is not None:
            story = self._told(job.handed.story())
        if job.handed is None or job.handed.untouched or self._identity.dry_run():
            notes = {**notes, UNTOUCHED: True}
        return Result(
            request=order.request,
            token=order.token,
            quantity=order.quantity,
            method=order.method,
            outcome="failed",
            failure=Failure(
                message=error.what[:4000],
                where=error.where[:4000],
                remedy=error.remedy[:4000],
                retryable=error.retryable,
            ),
            provenance=self._provenance(job, notes, begun),
            campaign=order.campaign,
            **story,
        )

    def _told(self, story: dict[str, Any]) -> dict[str, Any]:
        """Keep out of the record what a dry run has not made, and rate nothing that is no deed."""
        if not self._identity.dry_run():
            return story
        return {**story, "rating": DRY_RUN, "samples": ()}

    def _provenance(self, job: Job, notes: JsonObject, begun: int) -> Provenance:
        dry_run = self._identity.dry_run()
        said = job.handed is not None and job.handed.simulated
        return Provenance(
            software=self._identity.software,
            host=self._host,
            instrument=self._identity.instrument,
            simulated=job.capability.spec.simulated or dry_run or said,
            parameters=self._identity.parameters(),
            begun=begun,
            ended=self._clock.now(),
            notes=travelling({**notes, "dry_run": True} if dry_run else notes),
        )


def sorry_of(order: wire.Order, why: str) -> Result:
    """Return a failure with nothing in it that could be wrong."""
    return Result(
        request=order.request,
        token=order.token,
        quantity=order.quantity,
        method=order.method,
        parameters=order.parameters,
        outcome="failed",
        failure=Failure(message=why[:4000]),
        campaign=order.campaign,
    )
