"""What a requester holds in hand after submitting a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import UUID

from labmesh.tracing import Span
from messages.errors import CallTimeoutError, NotConnectedError, RequestFailedError
from messages.ledger import FINAL, Status, StatusChange
from messages.query import ResultView

if TYPE_CHECKING:
    from labmesh.client._client import LabClient

_PAUSES: Final = (0.2, 5.0)
"""Wall seconds between two attempts to fetch a result that is known to be there: first, longest."""


class RequestHandle:
    """A request the ledger has accepted.

    Attributes:
        id: The request's uuid.
        offset: Its place in the ledger, -1 until the receipt has come.
        heard: The last result to it that the journal told of.
    """

    def __init__(self, client: LabClient, id: UUID, offset: int) -> None:  # noqa: A002
        self._client = client
        self.id = id
        self.offset = offset
        self.heard: ResultView | None = None
        self.news = 0.0
        """When the ledger was last heard about it (time of the event loop)."""
        self.span: Span | None = None
        """The request as its requester sees it, where it was submitted by this client."""
        self._changes: dict[int, StatusChange] = {}
        self._final: asyncio.Future[StatusChange] = asyncio.get_running_loop().create_future()

    def __str__(self) -> str:
        return str(self.id)

    @property
    def changes(self) -> list[StatusChange]:
        """Its changes of status so far, in the order of the ledger."""
        return [self._changes[offset] for offset in sorted(self._changes)]

    @property
    def status(self) -> Status:
        """The last status heard of."""
        return self._changes[max(self._changes)].after if self._changes else Status.PENDING

    def take(self, change: StatusChange, offset: int) -> None:
        """Take note of a change of status (called by the client). Repetition and order are free."""
        self._changes.setdefault(offset, change)
        if change.after in FINAL and not self._final.done():
            self._final.set_result(change)

    def let_go(self, why: str) -> None:
        """End the span, as failed where there is a reason (called by the client)."""
        if self.span is not None:
            self.span.note({"labmesh.status": self.status.value})
            if why:
                self.span.fail(why)
            self.span.end()

    async def done(self) -> StatusChange:
        """Return the final change of status, whenever it comes."""
        return await asyncio.shield(self._final)

    async def result(self) -> ResultView:
        """Return the result, however long that takes.

        Raises:
            RequestFailedError: The request failed, expired, was retracted or abandoned; ``status``
                and message say which and why.
            NotConnectedError: The client was closed meanwhile.
        """
        final = await self.done()
        if final.after is not Status.RESOLVED or final.result is None:
            raise RequestFailedError(
                f"request {self.id} is {final.after.value}: {final.message or 'no reason given'}",
                remedy=f"see labmesh request show {self.id}",
                status=final.after.value,
            )
        pause, longest = _PAUSES
        while self.heard is None or self.heard.id != final.result:
            try:
                return await self._client.result(final.result)
            except (CallTimeoutError, NotConnectedError):
                # The result is there; the ledger may be just restarting.
                if self._client.closed:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
        return self.heard

    async def cancel(self, reason: str = "") -> None:
        """Retract the request.

        Raises:
            RefusedError: It has ended already.
        """
        await self._client.cancel(self.id, reason)
