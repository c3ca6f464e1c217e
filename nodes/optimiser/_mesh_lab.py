"""The laboratory behind a node: the ledger, reached over the mesh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from labmesh.client import LabClient, RequestHandle
from messages.envelope import validate
from messages.errors import CallTimeoutError, TransportError
from messages.ledger import FINAL, Result, Status
from messages.model import JsonObject
from messages.query import RequestView, ResultView
from nodes.optimiser._lab import Ending, Reporter

T = TypeVar("T")

_LOOK: Final = 0.5
"""Wall seconds between two looks at the status of a request that has not ended."""
_BACKOFF: Final = (1.0, 10.0)


class MeshLab:
    """`CampaignLab` over a `LabClient`. Rides out a broker node that is away.

    Args:
        client: The node's own.
        reporter: Hears when the ledger does not answer.
    """

    def __init__(self, client: LabClient, reporter: Reporter) -> None:
        self._client = client
        self._reporter = reporter
        self._submitted: dict[UUID, RequestHandle] = {}

    async def requests(
        self, campaign: str, quantity: str = "", method: str = ""
    ) -> list[RequestView]:
        """See `CampaignLab.requests`."""
        capability = {"quantity": quantity, "method": method} if quantity else {}

        async def read() -> list[RequestView]:
            pages = self._client.requests(campaign=campaign, **capability)
            return sorted([view async for view in pages], key=lambda view: view.offset)

        return await self._patiently(read)

    async def results(self, **filters: Any) -> list[ResultView]:
        """See `CampaignLab.results`."""

        async def read() -> list[ResultView]:
            return sorted(
                [view async for view in self._client.results(**filters)],
                key=lambda view: view.offset,
            )

        return await self._patiently(read)

    async def result(self, id: UUID) -> ResultView:  # noqa: A002
        """See `CampaignLab.result`."""
        return await self._patiently(lambda: self._client.result(id))

    async def offered(self, quantity: str, method: str) -> bool:
        """See `CampaignLab.offered`. An offer of a node that is away counts as none."""
        reply = await self._patiently(lambda: self._client.query("query.offers"))
        return any(
            offer["offer"]["quantity"] == quantity
            and offer["offer"]["method"] == method
            and offer.get("online") is not False
            and offer.get("active") is not False
            for offer in reply["offers"]
        )

    async def submit(
        self,
        quantity: str,
        method: str,
        parameters: JsonObject,
        *,
        campaign: str,
        priority: int,
        attempts: int,
        id: UUID,  # noqa: A002
    ) -> None:
        """See `CampaignLab.submit`. The outbox waits for the ledger as long as it takes."""
        self._submitted[id] = await self._client.submit(
            quantity,
            method,
            parameters,
            campaign=campaign,
            priority=priority,
            attempts=attempts,
            id=id,
        )

    async def ending(self, request: UUID, changed: Callable[[Status, str], None]) -> Ending:
        """See `CampaignLab.ending`."""
        handle = self._submitted.pop(request, None)
        if handle is None:
            view = await self._patiently(lambda: self._look(request))
            if view.status in FINAL:
                answer = await self.result(view.result) if view.result else None
                return Ending(view.status, view.message, answer)
            handle = await self._patiently(lambda: self._client.watch(request))
        final = asyncio.create_task(handle.done(), name=f"end of request {request}")
        last = Status.PENDING
        try:
            while not final.done():
                await asyncio.wait({final}, timeout=_LOOK)
                if handle.changes and handle.status is not last and handle.status not in FINAL:
                    last = handle.status
                    changed(last, handle.changes[-1].message)
        finally:
            final.cancel()
        change = final.result()
        result = await self.result(change.result) if change.result else None
        return Ending(change.after, change.message, result)

    async def post(self, result: Result, id: UUID) -> None:  # noqa: A002
        """See `CampaignLab.post`."""
        await self._client.post_result(result, id=id)

    async def _look(self, request: UUID) -> RequestView:
        reply = await self._client.query("query.request", {"id": str(request)})
        return validate(RequestView, reply["request"], where="request")

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what ``read`` returns, asking again while nobody answers."""
        pause = _BACKOFF[0]
        while True:
            try:
                return await read()
            except (CallTimeoutError, TransportError) as error:
                self._reporter.warn("the ledger does not answer, asking again", reason=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, _BACKOFF[1])
