"""A laboratory in memory: answers requests from a function, keeps what it was told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

from messages.errors import CallRefusedError, RefusedError
from messages.ledger import FINAL, Failure, Provenance, Rating, Result, ResultStatus, Status
from messages.query import RequestView, ResultView
from nodes.optimiser import Ending

# 0.1 mS/cm; nodes/optimiser knows nothing of it. Coefficients: VFT fit to Ding et al. 2001.
_A = (4.25889, -0.752266, -0.332099, 5.52557, -2.88606, -0.368694)


def conductivity(w_ec: float, molality: float, temperature: float = 298.15) -> float:
    """S/m of LiPF6 in EC:EMC; maximum at 298.15 K: 0.945 at w 0.49, 0.855 mol/kg."""
    w, m = w_ec, molality
    amplitude = _A[0] + _A[1] * math.sqrt(m) + _A[2] * m + _A[3] * w + _A[4] * w * w + _A[5] * m * w
    barrier = 241.673 - 64.7015 * m + 411.661 * w
    ideal = 138.772 + 36.4569 * m - 27.7239 * w
    return 0.1 * m * math.exp(amplitude - barrier / (temperature - ideal))


GOOD = Rating(success=True, rating=5)


class Answer:
    """What the laboratory says to one request: data, or how it ended otherwise."""

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        *,
        status: Status = Status.RESOLVED,
        message: str = "",
        rating: Rating | None = GOOD,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.data = data or {}
        self.status = status
        self.message = message
        self.rating = rating
        self.parameters = parameters


class MemoryLab:
    """`CampaignLab` without a mesh.

    Args:
        answer: Parameters of a request to its answer. May raise RefusedError.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], Answer]) -> None:
        self.answer = answer
        self.views: dict[UUID, RequestView] = {}
        self.answers: dict[UUID, ResultView] = {}
        self.posted: dict[UUID, Result] = {}
        self.decisions: dict[UUID, Result] = {}
        self.submissions = 0
        self.offers = True
        self.refuse_posts = False
        self.refuse_decisions = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.statuses: dict[UUID, tuple[Status, str]] = {}
        self.held: dict[UUID, asyncio.Event] = {}
        self.hold_next = False

    async def requests(
        self, campaign: str, quantity: str = "", method: str = ""
    ) -> list[RequestView]:
        return [
            v
            for v in self.views.values()
            if v.campaign == campaign
            and (not quantity or (v.quantity, v.method) == (quantity, method))
        ]

    async def results(self, **filters: Any) -> list[ResultView]:
        return [
            view
            for view in [*self.answers.values(), *self._decided()]
            if all(getattr(view, key) == value for key, value in filters.items())
        ]

    async def result(self, id: UUID) -> ResultView:  # noqa: A002
        if id not in self.answers and id not in self.posted:
            raise CallRefusedError(f"no result {id}")
        return self.answers[id] if id in self.answers else next(iter(self.answers.values()))

    async def offered(self, quantity: str, method: str) -> bool:
        return self.offers

    async def submit(
        self,
        quantity: str,
        method: str,
        parameters: dict[str, Any],
        *,
        campaign: str,
        priority: int,
        attempts: int,
        id: UUID,  # noqa: A002
    ) -> None:
        self.submissions += 1
        if not self.offers:
            raise RefusedError("nobody offers it")
        if id in self.views:
            return
        answer = self.answer(parameters)
        offset = len(self.views)
        self.views[id] = RequestView(
            id=id,
            offset=offset,
            author="kit/optimiser",
            stamp=1 + offset * 60_000_000_000,
            load_time=1 + offset * 1_000_000_000,
            quantity=quantity,
            method=method,
            parameters=parameters,
            campaign=campaign,
            priority=priority,
            attempts=attempts,
            status=Status.PENDING,
            changed=1,
        )
        if self.hold_next:
            self.hold_next = False
            self.held[id] = asyncio.Event()
        self._keep(id, parameters, answer)

    def _keep(self, request: UUID, parameters: dict[str, Any], answer: Answer) -> None:
        view = self.views[request]
        self.answers[uuid5(request, "result")] = ResultView(
            id=uuid5(request, "result"),
            offset=view.offset,
            author="kit/asab",
            stamp=view.stamp + 55_000_000_000,
            load_time=view.load_time + 500_000_000,
            request=request,
            quantity=view.quantity,
            method=view.method,
            parameters=answer.parameters or parameters,
            outcome="resolved" if answer.status is Status.RESOLVED else "failed",
            data=answer.data,
            failure=None
            if answer.status is Status.RESOLVED
            else Failure(message=answer.message or "no reason"),
            rating=answer.rating,
            provenance=Provenance(simulated=True),
            campaign=view.campaign,
            status=ResultStatus.ORIGINAL,
        )
        self.statuses[request] = (answer.status, answer.message)

    async def ending(self, request: UUID, changed: Callable[[Status, str], None]) -> Ending:
        if request in self.held:
            changed(Status.HELD, "the instrument was lost in mid-action")
            await self.held[request].wait()
        await self.gate.wait()
        await asyncio.sleep(0)
        status, message = self.statuses[request]
        result = uuid5(request, "result")
        self.views[request] = self.views[request].model_copy(
            update={"status": status, "message": message, "result": result}
        )
        assert status in FINAL
        return Ending(status, message, self.answers[result])

    def _decided(self) -> list[ResultView]:
        return [
            ResultView(
                id=identity, offset=0, author="kit/optimiser", stamp=1, load_time=1,
                quantity=result.quantity, method=result.method, parameters=result.parameters,
                outcome="resolved", data=result.data, provenance=result.provenance,
                campaign=result.campaign, status=ResultStatus.ORIGINAL,
            )
            for identity, result in self.decisions.items()
        ]  # fmt: skip

    async def post(self, result: Result, id: UUID) -> None:  # noqa: A002
        if result.quantity == "campaign":
            if self.refuse_decisions or self.decisions.setdefault(id, result) != result:
                raise RefusedError("the same uuid with another body")
            return
        if self.refuse_posts or (id in self.posted and self.posted[id] != result):
            raise RefusedError("the same uuid with another body")
        self.posted[id] = result


class Notes:
    """`Reporter` that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.progressed: list[tuple[int, int, str]] = []

    def say(self, text: str, **values: Any) -> None:
        self.said.append(text)

    def warn(self, text: str, **values: Any) -> None:
        self.warned.append(f"{text} {values}")

    async def progress(self, done: int, total: int, text: str) -> None:
        self.progressed.append((done, total, text))
