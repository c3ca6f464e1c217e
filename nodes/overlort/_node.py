"""The Overlort node: offers workflows as capabilities."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final
from uuid import UUID

from labmesh import Level, Node, NodeOptions, Order, OrderError
from labmesh.node import CapabilitySpec, PlainMap
from messages.errors import ConfigurationError
from messages.ledger import Status
from messages.model import JsonObject
from messages.query import RequestView
from messages.reproducibility import Recipe
from messages.workflow import plan_id
from nodes.overlort._check import check, in_words
from nodes.overlort._compiled import Compiled, compile_workflow
from nodes.overlort._cost import summed_up
from nodes.overlort._definition import Workflow, load_workflow
from nodes.overlort._engine import Engine
from nodes.overlort._facts import WorkflowRequest
from nodes.overlort._ledger import Key, MeshLedger
from nodes.overlort._parameters import OverlortParameters
from nodes.overlort._picture import Picture
from nodes.overlort._run import Run, settled_plan
from nodes.overlort._schemas import Catalogue, EndsOf
from nodes.overlort._teller import Telling

_LEASE: Final = 15.0
"""Wall seconds without a sign of life after which a workflow is given out again."""

_OFFER_POLL: Final = 1.0
"""Wall seconds between two looks for offers that are missing."""


class OverlortNode(Node[OverlortParameters]):
    """Breaks a request into the sub-requests of a workflow, and answers with what came of them."""

    Parameters = OverlortParameters

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._workflows: dict[Key, tuple[Workflow, str]] = {}
        self._telling: dict[UUID, Telling] = {}
        for path in self.parameters.workflows:
            workflow, _ = load_workflow(path)
            if workflow.key in self._workflows:
                raise ConfigurationError(
                    f"{'/'.join(workflow.key)} is offered by two workflows", where=path,
                    remedy=f"leave it out, or {self._workflows[workflow.key][1]}",
                )  # fmt: skip
            self._workflows[workflow.key] = workflow, path
            ends = EndsOf(workflow, path)
            self.serve_by_schema(
                CapabilitySpec(
                    quantity=workflow.serves.quantity,
                    method=workflow.serves.method,
                    worker="model",  # whoever is started next goes on from the ledger
                    version=workflow.serves.version,
                    resource="",
                    slots=workflow.serves.slots,
                    lease=_LEASE,
                    simulated=False,
                ),
                partial(self._serve, workflow.key),
                parameters=ends.input_schema,
                result=ends.output_schema,
                description=f"workflow {workflow.name}: {workflow.description}"[:4000],
            )

    @classmethod
    def asks_for(cls, parameters: OverlortParameters) -> tuple[Key, ...]:
        """Return the capabilities of all steps.

        Raises:
            ConfigurationError: A workflow file cannot be read.
        """
        found = [key for path in parameters.workflows for key in load_workflow(path)[0].asks]
        return tuple(dict.fromkeys(found))

    @classmethod
    def also_serves(cls, parameters: OverlortParameters) -> tuple[Key, ...]:
        """Return what the workflows offer; errors as `asks_for`."""
        return tuple(load_workflow(path)[0].key for path in parameters.workflows)

    async def on_configure(self) -> None:
        """Check every workflow, so that a mistake shows before anything moves."""
        for path in self.parameters.workflows:
            workflow, lines = load_workflow(path)
            mistakes = check(workflow)
            if mistakes:
                raise ConfigurationError(
                    in_words(mistakes, lines, path), where="workflows",
                    remedy=f"labmesh workflow check {path}",
                )  # fmt: skip

    async def on_activate(self) -> None:
        """Begin to serve, and tidy up after workflows that ended while nobody looked."""
        self._told_trouble()
        self.spawn(self._sweep(), name="sweep")

    # Workflows.

    async def _serve(self, key: Key, order: Order[PlainMap]) -> JsonObject:
        ledger = self._ledger()
        workflow, file = self._workflows[key]
        request = await self._request_of(ledger, order.request, workflow, file)
        workflow = await settled_plan(ledger, request, workflow, file)
        telling = self._telling[order.request] = Telling(self, workflow, request, order)
        try:
            compiled = compile_workflow(workflow)
            engine = Engine(compiled, request, EndsOf(workflow, file).answer)
            run = Run(engine, request, ledger=ledger, teller=telling, now=self.clock.now)
            picture = await run.drive(ready=partial(self._ready, ledger, compiled, telling))
            return self._answered(order, workflow, picture)
        finally:
            self._telling.pop(order.request, None)
            self._told_trouble()
            if order.cancel_requested:
                self.spawn(self._end_of(order.request, key), name=f"after {order.request}")

    def _answered(self, order: Order[PlainMap], workflow: Workflow, picture: Picture) -> JsonObject:
        order.note(**summed_up(workflow, picture, self.clock.now()))
        order.reproducible(
            Recipe(
                model=f"workflow {workflow.name}@{workflow.sha256[:12]}",
                initial_parameters={"definition_sha256": workflow.sha256},
            )
        )
        if picture.answer is None:
            verdict = picture.verdict
            words = verdict.message if verdict else "there is no answer"
            # Not retryable: its sub-requests have ended, and another attempt would find the same.
            raise OrderError(
                words,
                where=f"step {verdict.step}" if verdict and verdict.step else "",
                remedy=verdict.remedy if verdict else "",
            )
        if (rating := picture.rating) is not None:
            order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        return picture.answer

    async def _request_of(
        self, ledger: MeshLedger, request: UUID, workflow: Workflow, file: str
    ) -> WorkflowRequest:
        view = await ledger.request(request)
        if view is None:
            raise OrderError(f"the ledger does not know request {request}", retryable=True)
        return request_of(view, EndsOf(workflow, file))

    async def _ready(self, ledger: MeshLedger, compiled: Compiled, telling: Telling) -> None:
        """Check the workflow against the lab as it is, and wait until every step has an offer.

        Nothing has been asked yet: it costs nothing to wait, and much to stop half-way.
        """
        workflow = compiled.workflow
        needed = {(s.quantity, s.method) for s in workflow.steps.values() if s.when is None}
        while missing := sorted(needed - await ledger.offered()):
            names = ", ".join("/".join(key) for key in missing)
            await telling.waiting(f"nothing is begun before somebody offers {names}")
            await asyncio.sleep(_OFFER_POLL)
        await telling.waiting("")
        known = await ledger.capabilities()
        mistakes = check(workflow, Catalogue.of(known))
        if mistakes:
            raise OrderError(
                f"the workflow does not fit this lab: {in_words(mistakes)}",
                remedy="labmesh workflow check --live names every mistake",
            )

    # What ended without an answer.

    async def _sweep(self) -> None:
        """Close workflows that were ended while this node was off."""
        ledger = self._ledger()
        for key in self._workflows:
            for view in await ledger.ended(key):
                plan = await ledger.told(plan_id(view.id))
                if plan is not None and plan.author == str(self.id):
                    await self._close(ledger, view, key)

    async def _end_of(self, request: UUID, key: Key) -> None:
        """Close a workflow whose order is void, if that is because its request has ended."""
        ledger = self._ledger()
        view = await ledger.request(request)
        ends = (Status.RETRACTED, Status.FAILED, Status.EXPIRED, Status.ABANDONED)
        if view is not None and view.status in ends:
            await self._close(ledger, view, key)

    async def _close(self, ledger: MeshLedger, view: RequestView, key: Key) -> None:
        workflow, file = self._workflows[key]
        request = request_of(view, EndsOf(workflow, file))
        workflow = await settled_plan(ledger, request, workflow, file)
        telling = Telling(self, workflow, request, None)
        engine = Engine(compile_workflow(workflow), request)
        run = Run(engine, request, ledger=ledger, teller=telling, now=self.clock.now)
        self._telling[view.id] = telling
        try:
            await run.drive(cancelled=f"{view.status.value}: {view.message}".rstrip(": "))
        finally:
            self._telling.pop(view.id, None)
            self._told_trouble()

    # How they fare.

    def told(self) -> None:
        """Show anew how the workflows fare (called by `Telling`)."""
        self._told_trouble()

    def _told_trouble(self) -> None:
        troubles = [t.trouble for t in self._telling.values() if t.trouble]
        if troubles:
            words, remedy = troubles[0]
            more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
            self.diagnose("workflows", Level.WARN, f"{words}{more}"[:4000], remedy=remedy)
        else:
            count = len(self._telling)
            words = "1 workflow" if count == 1 else f"{count} workflows"
            self.diagnose("workflows", Level.OK, f"{words} under way")

    def _ledger(self) -> MeshLedger:
        return MeshLedger(self.lab, self.log.warn)


def request_of(view: RequestView, ends: EndsOf) -> WorkflowRequest:
    """Return a request of the ledger as the engine knows it."""
    return WorkflowRequest(
        id=view.id,
        input=ends.filled(view.parameters),
        campaign=view.campaign,
        priority=view.priority,
        asked=view.stamp,
        asked_wall=view.load_time,
    )
