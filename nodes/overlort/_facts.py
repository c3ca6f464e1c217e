"""What the ledger says of a workflow: all that its engine knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from messages.ledger import FINAL, CampaignName, FromState, Status
from messages.model import JsonObject
from messages.query import ResultView
from messages.workflow import WorkflowVerdict


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """The request that a workflow answers.

    Attributes:
        id: Its uuid; those of all sub-requests follow from it.
        input: Its parameters, with every default filled in.
        campaign: Which its sub-requests carry, too.
        priority: Likewise.
        asked: Stamp of the request (ns, the lab's time).
        asked_wall: Wall time at which the ledger took it, ns.
    """

    id: UUID
    input: JsonObject
    campaign: CampaignName | None = None
    priority: int = 5
    asked: int = 0
    asked_wall: int = 0


@dataclass(frozen=True, slots=True)
class SubRequest:
    """A sub-request as it stands in the ledger.

    Attributes:
        id: Its uuid.
        status: Where it stands.
        message: Why, in words of whoever changed it last.
        worker: Who has it, or had it last.
        attempt: Attempts begun.
        asked: Stamp of the request (ns, the lab's time).
        asked_wall: Wall time at which the ledger took it, ns.
        changed_wall: Wall time of the last change, ns.
        begun: When it was begun in the lab's time, as far as is known.
        result: What came of it; of a failure, too, where its worker said one.
    """

    id: UUID
    status: Status
    message: str = ""
    worker: str | None = None
    attempt: int = 0
    asked: int = 0
    asked_wall: int = 0
    changed_wall: int = 0
    begun: int | None = None
    result: ResultView | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing follows, and all there is to know of it is here."""
        return self.status in FINAL and (self.status is not Status.RESOLVED or bool(self.result))

    @property
    def begun_at(self) -> int | None:
        """When its last attempt was begun (ns, the lab's time), where that is known."""
        if self.result is not None and self.result.provenance.begun is not None:
            return self.result.provenance.begun
        return self.begun

    @property
    def ended_at(self) -> int | None:
        """When it was over (ns, the lab's time), where that is known."""
        if self.result is None:
            return None
        return self.result.provenance.ended or self.result.stamp


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a workflow's sub-requests.

    Attributes:
        requests: Those that the ledger has, by id.
        refusals: Those that it refused to this process, with its reason; no ledger keeps them.
        verdict: Why the workflow is given up, once that has been written.
    """

    requests: Mapping[UUID, SubRequest] = field(default_factory=dict)
    refusals: Mapping[UUID, str] = field(default_factory=dict)
    verdict: WorkflowVerdict | None = None

    def states(self) -> dict[str, int]:
        """Return the last state of each sample that results of this workflow tell of."""
        found: dict[str, int] = {}
        for sub in self.requests.values():
            if sub.result is None:
                continue
            for step in sub.result.samples:
                found[step.sample] = max(step.state, found.get(step.sample, -1))
            if (unknown := sub.result.unknown) is not None:
                found[unknown.sample] = max(unknown.state, found.get(unknown.sample, -1))
        return found


@dataclass(frozen=True, slots=True)
class Submission:
    """A sub-request that is due.

    Attributes:
        key: Step, or ``STEP/compensate/N``.
        item: Number in a fan-out.
        attempt: Which try, from 1.
        id: Its uuid.
    """

    key: str
    item: int
    attempt: int
    id: UUID
    quantity: str
    method: str
    parameters: JsonObject
    from_state: FromState | None
    expires: int | None
    priority: int
    attempts: int
