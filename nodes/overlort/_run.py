"""One workflow under way: does what the engine says, and tells the engine what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol
from uuid import UUID

from messages.errors import OrderError, RefusedError
from messages.ledger import Provenance, Result, Status
from messages.model import JsonObject
from messages.workflow import (
    PLAN,
    QUANTITY,
    VERDICT,
    WorkflowPlan,
    WorkflowVerdict,
    plan_id,
    verdict_id,
)
from nodes.overlort._definition import Workflow
from nodes.overlort._engine import Engine
from nodes.overlort._facts import Facts, Submission, SubRequest, WorkflowRequest
from nodes.overlort._ledger import Key, Ledger, sub_request
from nodes.overlort._picture import Picture

_OFFER_POLL: Final = 1.0
"""Wall seconds between two looks for a node that offers what is due."""

_MEMORY: Final = 70.0
"""Wall seconds for which a refusal may be one that the ledger remembers (a minute), and not new."""

_CANCEL_AGAIN: Final = 15.0
"""Wall seconds after which an open sub-request is cancelled once more."""

_IDLE: Final = 5.0
"""Wall seconds without news after which everything is looked at again."""

_PASSING: Final = ("nobody offers", "nobody ever offered", "is not active")
"""Words of the ledger's refusals that a node's start takes back."""


class Teller(Protocol):
    """Who hears how a workflow fares."""

    async def progress(self, picture: Picture) -> None:
        """Take note of where it stands."""
        ...

    async def waiting(self, words: str) -> None:
        """Take note of what it waits for beside its sub-requests; empty when it does no more."""
        ...


class Run:
    """Drives one workflow to its end, from wherever the ledger says that it stands.

    Args:
        engine: Of its definition.
        request: What it answers.
        ledger: The ledger.
        teller: Hears how it fares.
        now: The lab's time, ns.
    """

    def __init__(
        self,
        engine: Engine,
        request: WorkflowRequest,
        *,
        ledger: Ledger,
        teller: Teller,
        now: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._request = request
        self._ledger = ledger
        self._teller = teller
        self._now = now
        self._subs: dict[UUID, SubRequest] = {}
        self._refusals: dict[UUID, str] = {}
        self._passing: dict[UUID, tuple[str, float]] = {}
        self._cancelled: dict[UUID, float] = {}
        self._verdict: WorkflowVerdict | None = None

    async def drive(
        self,
        *,
        cancelled: str | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> Picture:
        """Go on until there is an answer, or a verdict and nothing left to undo.

        Args:
            cancelled: Why the workflow's request ended; there will be no answer.
            ready: Waited for before the first sub-request, and only then.
        """
        request = self._request.id
        self._subs = await self._ledger.children(request)
        self._verdict = await read_verdict(self._ledger, request)
        if ready is not None and not self._subs and self._verdict is None:
            await ready()
        if cancelled is not None and self._verdict is None:
            await self._give_up(
                WorkflowVerdict(request=request, kind="cancelled", message=cancelled[:3900])
            )
        while True:
            facts = Facts(self._subs, self._refusals, self._verdict)
            picture = self._engine.look(facts, now=self._now(), now_wall=time.time_ns())
            if picture.verdict is not None and self._verdict is None:
                await self._give_up(picture.verdict)
                continue
            await self._teller.progress(picture)
            if picture.settled:
                return picture
            await self._cancel(picture.cancel)
            if not await self._submit(picture.submit):
                await self._wait(picture)

    async def _give_up(self, verdict: WorkflowVerdict) -> None:
        """Write down why; what was written first stands."""
        data = verdict.model_dump(mode="json")
        try:
            await self._ledger.tell(told(VERDICT, data, self._request), verdict_id(verdict.request))
            self._verdict = verdict
        except RefusedError:
            self._verdict = await read_verdict(self._ledger, verdict.request) or verdict

    async def _submit(self, due: list[Submission]) -> bool:
        """Ask what is due and offered; return whether anything was asked or refused."""
        if not due:
            await self._teller.waiting("")
            return False
        offered = await self._ledger.offered()
        moved, missing = False, dict[Key, None]()
        for each in due:
            key = (each.quantity, each.method)
            if key in offered and await self._ask(each):
                moved = True
            elif each.id not in self._refusals:
                missing[key] = None
        names = ", ".join("/".join(key) for key in missing)
        await self._teller.waiting(f"waits for a node that offers {names}" if names else "")
        return moved

    async def _ask(self, due: Submission) -> bool:
        """Ask one; False where nobody could take it just now."""
        try:
            await self._ledger.submit(due, self._request)
        except RefusedError as error:
            return await self._refused(due, error.what)
        self._subs[due.id] = await self._asked(due.id)
        return True

    async def _refused(self, due: Submission, reason: str) -> bool:
        there = await self._ledger.request(due.id)
        if there is not None:
            # It was asked before this process, and its words differed (an `expires`, say).
            self._subs[due.id] = await self._asked(due.id)
            return True
        before, since = self._passing.get(due.id, ("", 0.0))
        remembered = reason == before and time.monotonic() - since < _MEMORY
        key = (due.quantity, due.method)
        if (
            remembered
            or any(words in reason for words in _PASSING)
            or key not in await self._ledger.offered()
        ):
            self._passing.setdefault(due.id, (reason, time.monotonic()))
            return False
        self._refusals[due.id] = reason
        return True

    async def _asked(self, id: UUID) -> SubRequest:  # noqa: A002
        view = await self._ledger.request(id)
        if view is None or view.parent != self._request.id:
            raise OrderError(
                f"request {id} is there, but not in the service of {self._request.id}",
                remedy="ask for the workflow anew",
            )
        # Should it have ended already, the next look at the news brings its result.
        return replace(sub_request(view, None), status=Status.PENDING)

    async def _cancel(self, ids: list[UUID]) -> None:
        verdict = self._verdict
        reason = f"the workflow is given up: {verdict.message}" if verdict else ""
        for each in ids:
            last = self._cancelled.get(each)
            if last is None or time.monotonic() - last > _CANCEL_AGAIN:
                self._cancelled[each] = time.monotonic()
                await self._ledger.cancel(each, reason[:3900])

    async def _wait(self, picture: Picture) -> None:
        """Return when something may have changed."""
        seconds = _OFFER_POLL if picture.submit else _IDLE
        if picture.wake is not None:
            seconds = min(seconds, _OFFER_POLL)
        still = {id: sub for id, sub in self._subs.items() if not sub.ended}  # noqa: A001
        if not still:
            await asyncio.sleep(min(seconds, _OFFER_POLL))
            return
        self._subs.update(await self._ledger.news(still, seconds))


async def read_verdict(ledger: Ledger, request: UUID) -> WorkflowVerdict | None:
    """Return why a workflow was given up, None where it was not."""
    view = await ledger.told(verdict_id(request))
    return None if view is None else WorkflowVerdict.model_validate(view.data)


async def settled_plan(
    ledger: Ledger, request: WorkflowRequest, workflow: Workflow, file: str
) -> Workflow:
    """Return the definition with which a workflow was begun; ``workflow`` where it begins now.

    It is in the ledger when this returns.
    """
    identity = plan_id(request.id)
    view = await ledger.told(identity)
    if view is None:
        plan = WorkflowPlan(
            request=request.id,
            name=workflow.name,
            file=file[-3900:],
            sha256=workflow.sha256,
            definition=workflow.as_json(),
            software=software(),
        )
        try:
            await ledger.tell(told(PLAN, plan.model_dump(mode="json"), request), identity)
        except RefusedError:
            view = await ledger.told(identity)
            if view is None:
                raise
        else:
            return workflow
    plan = WorkflowPlan.model_validate(view.data)
    return Workflow.model_validate_json(plan.definition)


def told(method: str, data: JsonObject, request: WorkflowRequest) -> Result:
    """Return a result that nobody asked for."""
    return Result(
        quantity=QUANTITY,
        method=method,
        parameters={},
        outcome="resolved",
        data=data,
        provenance=Provenance(software=software()),
        campaign=request.campaign,
    )


def software() -> str:
    """Return what drives workflows, and its version."""
    try:
        return f"labmesh {version('labmesh')}"
    except PackageNotFoundError:
        return "labmesh"
