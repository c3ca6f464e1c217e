"""What a requester holds in hand after submitting a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID

from labmesh.client._goal import GOAL_STATUS, CancelAnswer, CancelCode, Feedback, GoalStatus
from labmesh.client._patience import patience
from labmesh.tracing import Span
from messages.envelope import Header
from messages.errors import (
    CallRefusedError,
    CallTimeoutError,
    NotConnectedError,
    RefusedError,
    RequestFailedError,
)
from messages.ledger import FINAL, Progress, ProgressKind, Status, StatusChange
from messages.query import ResultView
from messages.topics import Topic

if TYPE_CHECKING:
    from labmesh.client._client import LabClient

_PAUSES: Final = (0.2, 5.0)
"""Wall seconds between two attempts to fetch a result that is known to be there: first, longest."""


_GOES_ON: Final = "it goes on: wait again, or cancel it"


class RequestHandle:
    """A request the ledger has accepted: the goal of an action.

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
        self._turn = asyncio.Event()
        self.gone = asyncio.Event()
        """Set when the client watches it no more."""
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

    @property
    def worker(self) -> str | None:
        """Who had the last order to it, as far as has been heard."""
        named = (change.worker for change in reversed(self.changes))
        return next((worker for worker in named if worker is not None), None)

    def take(self, change: StatusChange, offset: int) -> None:
        """Take note of a change of status (called by the client). Repetition and order are free."""
        self._changes.setdefault(offset, change)
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
        if change.after in FINAL and not self._final.done():
            self._final.set_result(change)

    def let_go(self, why: str) -> None:
        """End the span, as failed where there is a reason (called by the client)."""
        self.gone.set()
        if self.span is not None:
            self.span.note({"labmesh.status": self.status.value})
            if why:
                self.span.fail(why)
            self.span.end()

    @property
    def goal_status(self) -> GoalStatus:
        """The status as a client of an action knows it."""
        return GOAL_STATUS[self.status]

    @property
    def retrying(self) -> bool:
        """Whether an attempt has failed or was lost, and the next worker is waited for."""
        return self.status in (Status.PENDING, Status.RESERVED) and any(
            change.before is Status.RUNNING for change in self._changes.values()
        )

    async def done(self, *, timeout: float | None = None) -> StatusChange:  # noqa: ASYNC109
        """Return the final change of status.

        Raises:
            CallTimeoutError: It has not come within ``timeout`` wall seconds; the request goes on.
        """
        async with patience(timeout, f"request {self.id} has not ended", _GOES_ON):
            return await asyncio.shield(self._final)

    async def result(self, *, timeout: float | None = None) -> ResultView:  # noqa: ASYNC109
        """Return the result; it stays in the ledger, and may be asked for again at any time.

        Raises:
            RequestFailedError: The request failed, expired, was retracted or abandoned; ``status``
                and message say which and why.
            CallTimeoutError: It has not come within ``timeout`` wall seconds; the request goes on.
            NotConnectedError: The client was closed meanwhile.
        """
        async with patience(timeout, f"request {self.id} has no result", _GOES_ON):
            return await self._result()

    async def _result(self) -> ResultView:
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

    async def feedback(self) -> AsyncIterator[Feedback]:
        """Yield what its worker says on its way, from now on, until the request ends.

        A word that is lost on the way is not repeated. Words reach everyone at the site of the
        ledger. Whoever must not miss the first gives ``on_feedback`` to `LabClient.submit`.
        """
        words: asyncio.Queue[Feedback | None] = asyncio.Queue()
        async with self.hearing(words.put_nowait):
            self._final.add_done_callback(lambda _: words.put_nowait(None))
            while (word := await words.get()) is not None:
                yield word

    @asynccontextmanager
    async def hearing(
        self, hear: Callable[[Feedback], None], stopping: Callable[[], None] | None = None
    ) -> AsyncIterator[None]:
        """Call ``hear`` with every word of its worker for as long as the block runs."""

        def take(progress: Progress, _header: Header, topic: Topic) -> None:
            if self.worker not in (None, str(topic.author)):
                return  # who has not the order has no say in it
            if progress.kind is ProgressKind.FEEDBACK:
                hear(Feedback(progress.fraction, progress.text, str(topic.author)))
            elif progress.kind is ProgressKind.STOPPING and stopping is not None:
                stopping()

        subscription = await self._client.on_progress(self.id, take)
        try:
            yield
        finally:
            await subscription.cancel()

    async def cancel(self, reason: str = "", *, timeout: float = 30.0) -> CancelAnswer:  # noqa: ASYNC109
        """Retract the request; true when that is accepted.

        A model is stopped at once. An instrument that has begun goes to rest first: until then the
        goal is CANCELING, and `done` says when it is over. It may also refuse, where it must not be
        stopped half-way.

        Raises:
            CallTimeoutError: Ledger or instrument have not answered within ``timeout`` wall
                seconds; the cancel stands all the same.
        """
        if self._final.done():
            return CancelAnswer(CancelCode.TERMINATED, f"it is {self.status.value} already")
        stopping = asyncio.Event()
        what = f"the cancel of request {self.id} was not answered"
        remedy = f"it stands: see labmesh request show {self.id}"
        async with (
            patience(timeout, what, remedy),
            self.hearing(lambda _: None, stopping.set),
        ):
            try:
                offset = await self._client.cancel(self.id, reason)
            except RefusedError as error:
                return await self._why_refused(error)
            return await self._answered(offset, stopping)

    async def _answered(self, offset: int, stopping: asyncio.Event) -> CancelAnswer:
        """Return what the worker says to a cancel that the ledger has taken at ``offset``."""
        heard = asyncio.ensure_future(stopping.wait())
        try:
            while True:
                news = asyncio.ensure_future(self._turn.wait())
                change = next(
                    (c for at, c in sorted(self._changes.items())
                     if at >= offset and c.after is not Status.CANCELING), None
                )  # fmt: skip
                if change is None and not stopping.is_set():
                    await asyncio.wait([heard, news], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if change is not None and change.after is Status.RUNNING:
                    return CancelAnswer(CancelCode.REJECTED, change.message)
                if change is not None and change.after in (Status.RESOLVED, Status.FAILED):
                    return CancelAnswer(CancelCode.TERMINATED, change.message)
                if change is not None or stopping.is_set():
                    return CancelAnswer(CancelCode.NONE, change.message if change else "")
        finally:
            heard.cancel()

    async def _why_refused(self, error: RefusedError) -> CancelAnswer:
        try:
            view = (await self._client.query("query.request", {"id": str(self.id)}))["request"]
        except CallRefusedError:
            return CancelAnswer(CancelCode.UNKNOWN_GOAL, error.what)
        if Status(view["status"]) in FINAL:
            return CancelAnswer(CancelCode.TERMINATED, error.what)
        return CancelAnswer(CancelCode.REJECTED, error.what)
