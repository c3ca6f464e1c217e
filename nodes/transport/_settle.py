"""The book and the ledger brought together: the ledger is the truth."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_URL, uuid5

from labmesh.client import LabClient
from messages.envelope import validate
from messages.errors import CallRefusedError
from messages.ledger import FINAL, Provenance, Rating, Result
from messages.logistics import OVER, JobState, TransportInput, TransportJob
from messages.query import RequestView, ResultView
from nodes.transport._desk import Desk
from nodes.transport._outcome import notes_of, output_of, rating_of
from nodes.transport._samples import steps_of

CAPABILITY: Final = ("transport", "transport_service")


class Settler:
    """Ends what nobody wants any more, and tells the ledger where samples went all the same.

    Args:
        desk: The transports.
        lab: The ledger.
        me: This node.
        software: For provenance.
    """

    def __init__(self, desk: Desk, lab: LabClient, me: str, software: str) -> None:
        self._desk = desk
        self._lab = lab
        self._me = me
        self._software = software

    async def settle(self, job: TransportJob) -> None:
        """Compare one transport with its request; do what follows from that.

        Raises:
            CallError: The ledger does not answer.
            RefusedError: It refuses what it was told; look again later.
        """
        try:
            reply = await self._lab.query("query.request", {"id": str(job.request)})
        except CallRefusedError as error:
            if error.code != "not_found":
                raise
            await self._nobody_wants(job, "the ledger does not know the request any more", None)
            return
        view = validate(RequestView, reply["request"], where="request")
        if view.status in FINAL:
            why = f"the request is {view.status}"
            await self._nobody_wants(job, f"{why}: {view.message}".rstrip(": "), view)
        elif view.worker not in (None, self._me) and view.status != "pending":
            self._desk.cancel(job, f"{view.worker} has it carried now")

    async def _nobody_wants(self, job: TransportJob, why: str, view: RequestView | None) -> None:
        if job.state not in OVER:
            job = self._desk.cancel(job, why)
        if job.state not in OVER:
            return  # its carrier has yet to say where the samples go
        if job.picked_up is not None and not await self._told(job, view):
            await self._tell(job, why)
        self._desk.settled(job)

    async def _told(self, job: TransportJob, view: RequestView | None) -> bool:
        """Tell whether the request's own result has the samples' new places."""
        if view is None or view.result is None:
            return False
        result = await self._lab.result(view.result)
        return self._is_of(job, result)

    def _is_of(self, job: TransportJob, result: ResultView) -> bool:
        return result.author == self._me and {step.sample for step in result.samples} >= set(
            job.samples
        )

    async def _tell(self, job: TransportJob, why: str) -> None:
        """Post where the samples are; once, however often this is tried."""
        identity = uuid5(NAMESPACE_URL, f"labmesh:transport:{self._me}:{job.request}")
        try:
            await self._lab.result(identity)
        except CallRefusedError as error:
            if error.code != "not_found":
                raise
        else:
            return
        rating = rating_of(job)
        result = Result(
            quantity=CAPABILITY[0],
            method=CAPABILITY[1],
            parameters=TransportInput(
                samples=job.samples, origin=job.origin, destination=job.destination,
                instructions=job.instructions,
            ).model_dump(),
            outcome="resolved",
            data=output_of(job).model_dump(mode="json")
            | ({"success": False} if job.state is not JobState.DELIVERED else {}),
            rating=Rating(success=False, rating=min(rating.rating, 2),
                          reason=f"{why}; the samples had left by then"[:4000]),
            provenance=Provenance(
                software=self._software,
                instrument=job.carrier or "",
                simulated=job.simulated,
                begun=job.created,
                ended=job.ended,
                notes={**notes_of(job), "request": str(job.request), "why": why},
            ),
            campaign=job.campaign,
            samples=await steps_of(self._lab, job),
        )  # fmt: skip
        await self._lab.post_result(result, id=identity)
