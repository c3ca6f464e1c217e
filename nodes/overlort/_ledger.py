"""The ledger as a running workflow sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from labmesh.client import LabClient
from messages.envelope import validate
from messages.errors import CallRefusedError, CallTimeoutError, RefusedError, TransportError
from messages.ledger import FINAL, Result, Status, StatusChange
from messages.query import CapabilityView, RequestView, ResultView
from nodes.overlort._facts import Submission, SubRequest, WorkflowRequest

T = TypeVar("T")
Key = tuple[str, str]

_BACKOFF: Final = (0.5, 10.0)
"""Wall seconds between two questions while the ledger does not answer: the first, and the most."""


class Ledger(Protocol):
    """What a workflow needs of the ledger. Every method waits for it to be reachable."""

    async def request(self, id: UUID) -> RequestView | None:  # noqa: A002
        """Return a request, None where there is none."""
        ...

    async def children(self, parent: UUID) -> dict[UUID, SubRequest]:
        """Return the sub-requests of a workflow, with the results of those that have ended."""
        ...

    async def told(self, id: UUID) -> ResultView | None:  # noqa: A002
        """Return a result, None where there is none."""
        ...

    async def tell(self, result: Result, id: UUID) -> None:  # noqa: A002
        """Post a result nobody asked for.

        Raises:
            RefusedError: There is another of that id.
        """
        ...

    async def offered(self) -> set[Key]:
        """Return what somebody offers who is there."""
        ...

    async def submit(self, due: Submission, workflow: WorkflowRequest) -> None:
        """Ask a sub-request; return when the ledger has it. The same again is no second one.

        Raises:
            RefusedError: The ledger refused it.
        """
        ...

    async def cancel(self, id: UUID, reason: str) -> None:  # noqa: A002
        """Retract a sub-request; one that has ended, or is another's, is left alone."""
        ...

    async def news(self, known: dict[UUID, SubRequest], seconds: float) -> dict[UUID, SubRequest]:
        """Return the sub-requests that are not as ``known`` any more; wait so long for the first.

        Args:
            known: Those that are open.
            seconds: Wall seconds, after which nothing is returned.
        """
        ...


class MeshLedger:
    """`Ledger` over a node's own client.

    Args:
        client: The client.
        warn: Hears when the ledger does not answer.
    """

    def __init__(self, client: LabClient, warn: Callable[[str], None]) -> None:
        self._client = client
        self._warn = warn

    async def request(self, id: UUID) -> RequestView | None:  # noqa: A002
        """See `Ledger.request`."""

        async def read() -> RequestView | None:
            try:
                reply = await self._client.query("query.request", {"id": str(id)})
            except CallRefusedError as error:
                _check_unknown(error)
                return None
            return validate(RequestView, reply["request"], where="request")

        return await self._patiently(read)

    async def children(self, parent: UUID) -> dict[UUID, SubRequest]:
        """See `Ledger.children`."""

        async def read() -> list[RequestView]:
            return [view async for view in self._client.requests(parent=str(parent))]

        views = await self._patiently(read)
        return {view.id: await self._sub(view) for view in views}

    async def told(self, id: UUID) -> ResultView | None:  # noqa: A002
        """See `Ledger.told`."""

        async def read() -> ResultView | None:
            try:
                return await self._client.result(id)
            except CallRefusedError as error:
                _check_unknown(error)
                return None

        return await self._patiently(read)

    async def tell(self, result: Result, id: UUID) -> None:  # noqa: A002
        """See `Ledger.tell`."""
        await self._client.post_result(result, id=id)

    async def offered(self) -> set[Key]:
        """See `Ledger.offered`."""
        found: set[Key] = set()
        after: Any = None
        while True:
            more = {} if after is None else {"after": after}
            reply = await self._patiently(
                lambda arguments=more: self._client.query("query.offers", arguments)  # type: ignore[misc]
            )
            found |= {
                (offer["offer"]["quantity"], offer["offer"]["method"])
                for offer in reply["offers"]
                if offer.get("online") is not False and offer.get("active") is not False
            }
            after = reply.get("next")
            if after is None:
                return found

    async def capabilities(self) -> dict[Key, CapabilityView]:
        """Return every capability that the ledger knows."""
        found: dict[Key, CapabilityView] = {}
        after: Any = None
        while True:
            more = {} if after is None else {"after": after}
            reply = await self._patiently(
                lambda arguments=more: self._client.query("query.capabilities", arguments)  # type: ignore[misc]
            )
            for each in reply["capabilities"]:
                view = validate(CapabilityView, each, where="capability")
                found[view.quantity, view.method] = view
            after = reply.get("next")
            if after is None:
                return found

    async def ended(self, key: Key) -> list[RequestView]:
        """Return the newest requests of a capability that ended without an answer."""

        async def read() -> list[RequestView]:
            reply = await self._client.query(
                "query.requests",
                {
                    "quantity": key[0], "method": key[1], "newest_first": True, "limit": 100,
                    "status": [s.value for s in FINAL if s is not Status.RESOLVED],
                },
            )  # fmt: skip
            return [validate(RequestView, each, where="request") for each in reply["requests"]]

        return await self._patiently(read)

    async def submit(self, due: Submission, workflow: WorkflowRequest) -> None:
        """See `Ledger.submit`."""
        await self._client.submit(
            due.quantity,
            due.method,
            due.parameters,
            campaign=workflow.campaign,
            priority=due.priority,
            expires=due.expires,
            attempts=due.attempts,
            from_state=due.from_state,
            parent=workflow.id,
            id=due.id,
        )

    async def cancel(self, id: UUID, reason: str) -> None:  # noqa: A002
        """See `Ledger.cancel`."""
        try:
            await self._client.cancel(id, reason)
        except RefusedError as error:
            self._warn(f"request {id} is not cancelled: {error}")

    async def news(self, known: dict[UUID, SubRequest], seconds: float) -> dict[UUID, SubRequest]:
        """See `Ledger.news`."""
        handles = {id: await self._patiently(lambda i=id: self._client.watch(i)) for id in known}  # type: ignore[misc]  # noqa: A001
        found: dict[UUID, SubRequest] = {}
        for _ in range(max(round(seconds / _LOOK), 1)):
            if any(handles[i].status is not sub.status for i, sub in known.items()):
                break
            await asyncio.sleep(_LOOK)
        for identity, sub in known.items():
            changes = handles[identity].changes
            if changes and changes[-1].after is not sub.status:
                found[identity] = await self._changed(sub, changes)
        return found

    async def _changed(self, sub: SubRequest, changes: list[StatusChange]) -> SubRequest:
        last = changes[-1]
        return SubRequest(
            id=sub.id,
            status=last.after,
            message=last.message,
            worker=next((c.worker for c in reversed(changes) if c.worker), None),
            attempt=max(c.attempt for c in changes),
            asked=sub.asked,
            asked_wall=sub.asked_wall,
            changed_wall=sub.changed_wall,
            result=None if last.result is None else await self.told(last.result),
        )

    async def _sub(self, view: RequestView) -> SubRequest:
        return sub_request(view, None if view.result is None else await self.told(view.result))

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what ``read`` returns, asking again while nobody answers."""
        pause = _BACKOFF[0]
        while True:
            try:
                return await read()
            except (CallTimeoutError, TransportError) as error:
                self._warn(f"the ledger does not answer, asking again: {error}")
            except CallRefusedError as error:
                if error.code != "not_active":
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _BACKOFF[1])


_LOOK: Final = 0.1
"""Wall seconds between two looks at what the journal has told of open sub-requests."""


def sub_request(
    view: RequestView, result: ResultView | None, begun: int | None = None
) -> SubRequest:
    """Return a request of the ledger as an engine knows it."""
    return SubRequest(
        id=view.id,
        status=view.status,
        message=view.message,
        worker=view.worker,
        attempt=view.attempt,
        asked=view.stamp,
        asked_wall=view.load_time,
        changed_wall=view.changed,
        begun=begun,
        result=result,
    )


def _check_unknown(error: CallRefusedError) -> None:
    """Do nothing where the ledger has nothing of that id; pass on that it cannot answer."""
    if error.code == "not_active":
        raise error
