"""What a requester holds in hand after submitting a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from messages.errors import RequestFailedError
from messages.ledger import FINAL, Status, StatusChange
from messages.query import ResultView

if TYPE_CHECKING:
    from labmesh.client._client import LabClient


class RequestHandle:
    """A request the ledger has accepted.

    Attributes:
        id: The request's uuid.
        offset: Its place in the ledger.
        changes: Its changes of status so far.
        heard: The last result to it that the journal told of.
    """

    def __init__(self, client: LabClient, id: UUID, offset: int) -> None:  # noqa: A002
        self._client = client
        self.id = id
        self.offset = offset
        self.changes: list[StatusChange] = []
        self.heard: ResultView | None = None
        self._final: asyncio.Future[StatusChange] = asyncio.get_running_loop().create_future()

    def __str__(self) -> str:
        return str(self.id)

    @property
    def status(self) -> Status:
        """The last status heard of."""
        return self.changes[-1].after if self.changes else Status.PENDING

    def take(self, change: StatusChange) -> None:
        """Take note of a change of status (called by the client)."""
        if self.changes and self.changes[-1] == change:
            return
        self.changes.append(change)
        if change.after in FINAL and not self._final.done():
            self._final.set_result(change)

    async def done(self) -> StatusChange:
        """Return the final change of status, whenever it comes."""
        return await asyncio.shield(self._final)

    async def result(self) -> ResultView:
        """Return the result.

        Raises:
            RequestFailedError: The request failed, expired, was retracted or abandoned; ``status``
                and message say which and why.
        """
        final = await self.done()
        if final.after is not Status.RESOLVED or final.result is None:
            raise RequestFailedError(
                f"request {self.id} is {final.after.value}: {final.message or 'no reason given'}",
                remedy=f"see labmesh request show {self.id}",
                status=final.after.value,
            )
        if self.heard is not None and self.heard.id == final.result:
            return self.heard
        return await self._client.result(final.result)

    async def cancel(self, reason: str = "") -> None:
        """Retract the request.

        Raises:
            RefusedError: It has ended already.
        """
        await self._client.cancel(self.id, reason)
