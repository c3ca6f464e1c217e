"""A workflow's story, read from a ledger: while it runs and afterwards."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from messages.envelope import validate
from messages.errors import CallRefusedError, LabmeshError
from messages.ledger import FINAL, Status
from messages.model import JsonObject
from messages.query import LogLine, RequestView, ResultView
from messages.workflow import PLAN, QUANTITY, WorkflowPlan, WorkflowVerdict, plan_id, verdict_id
from nodes.overlort._compiled import compile_workflow
from nodes.overlort._definition import Workflow
from nodes.overlort._engine import Engine
from nodes.overlort._facts import Facts, SubRequest
from nodes.overlort._ledger import sub_request
from nodes.overlort._node import request_of
from nodes.overlort._picture import Picture
from nodes.overlort._schemas import EndsOf

Query = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Answers a reading service of the ledger."""


@dataclass(frozen=True, slots=True)
class Story:
    """A workflow as the ledger tells it.

    Attributes:
        view: Its request.
        workflow: The definition it was begun with, None before that.
        picture: How it stands, None likewise.
        now: The lab's time (ns) of the newest thing that the ledger tells of it.
        begun: When each sub-request was begun in wall time, ns.
    """

    view: RequestView
    workflow: Workflow | None
    picture: Picture | None
    now: int
    begun: dict[UUID, int]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        over = self.view.status in FINAL
        return over and (self.picture is None or self.view.status is Status.RESOLVED
                         or self.picture.settled)  # fmt: skip


async def read_story(query: Query, request: str) -> Story:
    """Return the story of a workflow.

    Args:
        query: Asks the ledger.
        request: The workflow's request, or a unique beginning of its id.

    Raises:
        CallError: The ledger does not answer, or knows no such request.
        LabmeshError: It was not answered by a workflow.
    """
    reply = await query("query.request", {"id": request})
    view = validate(RequestView, reply["request"], where="request")
    plan = await _result(query, plan_id(view.id))
    if plan is None:
        if view.status in FINAL:
            raise LabmeshError(
                f"{view.quantity}/{view.method} was not answered by a workflow",
                where=str(view.id), remedy="labmesh workflow list shows those that were",
            )  # fmt: skip
        return Story(view, None, None, view.stamp, {})
    workflow = Workflow.model_validate_json(WorkflowPlan.model_validate(plan.data).definition)
    subs, begun, now = await _children(query, view)
    said = await _result(query, verdict_id(view.id))
    verdict = WorkflowVerdict.model_validate(said.data) if said is not None else None
    engine = Engine(compile_workflow(workflow), request_of(view, EndsOf(workflow)))
    picture = engine.look(Facts(subs, {}, verdict), now=now, now_wall=time.time_ns())
    return Story(view, workflow, picture, now, begun)


async def read_plans(query: Query, limit: int) -> list[tuple[WorkflowPlan, RequestView]]:
    """Return the newest workflows with their requests, the newest last."""
    found: list[tuple[WorkflowPlan, RequestView]] = []
    after: JsonObject = {}
    while len(found) < limit:
        page = await query(
            "query.results",
            {"quantity": QUANTITY, "method": PLAN, "newest_first": True,
             "limit": min(50, limit - len(found)), **after},
        )  # fmt: skip
        for item in page["results"]:
            plan = WorkflowPlan.model_validate(item["data"])
            try:
                reply = await query("query.request", {"id": str(plan.request)})
            except CallRefusedError:
                continue
            found.append((plan, validate(RequestView, reply["request"], where="request")))
        if page.get("next") is None:
            break
        after = {"after": page["next"]}
    return found[::-1]


async def _children(
    query: Query, parent: RequestView
) -> tuple[dict[UUID, SubRequest], dict[UUID, int], int]:
    subs: dict[UUID, SubRequest] = {}
    begun_wall: dict[UUID, int] = {}
    now = parent.stamp
    after: JsonObject = {}
    while True:
        page = await query("query.requests", {"parent": str(parent.id), **after})
        for item in page["requests"]:
            view = validate(RequestView, item, where="request")
            reply = await query("query.request", {"id": str(view.id)})
            log = [validate(LogLine, line, where="log") for line in reply["log"]]
            began = [line for line in log if line.after is Status.RUNNING]
            result = await _result(query, view.result) if view.result else None
            subs[view.id] = sub_request(view, result, began[-1].stamp if began else None)
            if began:
                begun_wall[view.id] = began[-1].load_time
            now = max([now, view.stamp, *(line.stamp for line in log)])
        if page.get("next") is None:
            return subs, begun_wall, now
        after = {"after": page["next"]}


async def _result(query: Query, id: UUID) -> ResultView | None:  # noqa: A002
    try:
        reply = await query("query.result", {"id": str(id)})
    except CallRefusedError:
        return None
    return validate(ResultView, reply["result"], where="result")
