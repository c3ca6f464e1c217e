"""A ledger without a mesh: keeps what a workflow asked, and lets a test say what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from messages.ledger import FINAL, Failure, Provenance, Rating, ResultStatus, SampleStep, Status
from messages.query import ResultView
from messages.workflow import WorkflowVerdict
from nodes.overlort import Engine, Facts, SubRequest, Workflow, WorkflowRequest
from nodes.overlort._compiled import compile_workflow
from nodes.overlort._facts import Submission
from nodes.overlort._picture import Picture

REQUEST = UUID("00000000-0000-7000-8000-000000000001")
WORKSHOP = Path(__file__).parents[2] / "data" / "workshop.workflow.yaml"


def workflow_of(text: str, **more: Any) -> Workflow:
    """Return a workflow of its steps and answer as YAML, with what every file must have."""
    frame = {
        "labmesh_workflow": 1,
        "name": "tested",
        "serves": {"quantity": "tested", "method": "all", "input": {}, "output": {}},
        "answer": {},
    }
    return Workflow.model_validate({**frame, **yaml.safe_load(text), **more})


def workshop() -> Workflow:
    """Return the workflow of the tests' workshop."""
    return Workflow.model_validate(yaml.safe_load(WORKSHOP.read_text("utf-8")))


def result_of(
    sub: Submission,
    data: dict[str, Any] | None,
    *,
    failure: str = "",
    retryable: bool = False,
    rating: int | None = None,
    samples: tuple[SampleStep, ...] = (),
    at: int = 0,
) -> ResultView:
    """Return what came of a sub-request."""
    return ResultView(
        id=uuid5(sub.id, "result"),
        offset=0,
        author="kit/worker",
        stamp=at,
        load_time=at,
        request=sub.id,
        quantity=sub.quantity,
        method=sub.method,
        parameters=sub.parameters,
        outcome="failed" if failure else "resolved",
        data=data or {},
        failure=Failure(message=failure, retryable=retryable) if failure else None,
        rating=None if rating is None else Rating(success=True, rating=rating),
        provenance=Provenance(begun=at, ended=at),
        samples=samples,
        status=ResultStatus.ORIGINAL,
    )


class World:
    """The ledger of one workflow.

    Attributes:
        asked: Every submission that was taken, by id; the same again must be the same.
        subs: How they stand.
    """

    def __init__(self, workflow: Workflow, parameters: dict[str, Any] | None = None) -> None:
        self.engine = Engine(
            compile_workflow(workflow), WorkflowRequest(REQUEST, parameters or {}, "c", 5)
        )
        self.asked: dict[UUID, Submission] = {}
        self.subs: dict[UUID, SubRequest] = {}
        self.refusals: dict[UUID, str] = {}
        self.verdict: WorkflowVerdict | None = None
        self.order: list[str] = []
        self.now = 0

    def look(self) -> Picture:
        """Return the engine's picture of what is here."""
        facts = Facts(dict(self.subs), dict(self.refusals), self.verdict)
        return self.engine.look(facts, now=self.now)

    def step(self, *, only: int | None = None) -> Picture:
        """Do what the engine says, or the first so many things of it."""
        picture = self.look()
        if picture.verdict is not None and self.verdict is None:
            self.verdict = picture.verdict
            return picture
        for identity in picture.cancel:
            self.end(identity, Status.RETRACTED, message="given up")
        for due in picture.submit[:only]:
            self.take(due)
        return picture

    def take(self, due: Submission) -> None:
        """Take a sub-request; the same once more is no second one, and must say the same."""
        if due.id in self.asked:
            assert self.asked[due.id] == due, "the same id with other words"
            return
        self.asked[due.id] = due
        self.order.append(f"{due.key}[{due.item}]#{due.attempt}")
        self.subs[due.id] = SubRequest(due.id, Status.PENDING, attempt=1)

    def end(self, identity: UUID, status: Status, *, message: str = "", **result: Any) -> None:
        """Say how a sub-request ended."""
        due = self.asked[identity]
        view = None
        if status is Status.RESOLVED or "failure" in result:
            view = result_of(due, result.pop("data", None), at=self.now, **result)
        self.subs[identity] = replace(
            self.subs[identity], status=status, message=message, result=view
        )

    def open(self, key: str = "") -> list[Submission]:
        """Return what is under way, in the order in which it was asked."""
        return [
            self.asked[i]
            for i, sub in self.subs.items()
            if sub.status not in FINAL and self.asked[i].key.startswith(key)
        ]

    def resolve(self, key: str, data: Any = None, **result: Any) -> None:
        """Resolve everything of a step that is under way; ``data`` may be made of the item."""
        for due in self.open(key):
            made = data(due) if callable(data) else data
            self.end(due.id, Status.RESOLVED, data=made, **result)
