"""The seam between a campaign and the laboratory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from messages.ledger import Result, Status
from messages.model import JsonObject
from messages.query import RequestView, ResultView


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended.

    Attributes:
        status: A final one.
        message: Why, where it did not resolve.
        result: What came back; also of a failure, where the worker said one.
    """

    status: Status
    message: str = ""
    result: ResultView | None = None


class CampaignLab(Protocol):
    """What a campaign needs of a laboratory. Every method waits for the ledger to be reachable."""

    async def requests(
        self, campaign: str, quantity: str = "", method: str = ""
    ) -> list[RequestView]:
        """Return the campaign's requests, oldest first; of every capability without a name."""
        ...

    async def results(self, **filters: Any) -> list[ResultView]:
        """Return results that match (campaign, quantity, method), oldest first."""
        ...

    async def result(self, id: UUID) -> ResultView:  # noqa: A002
        """Return one result.

        Raises:
            CallRefusedError: The ledger has no such result.
        """
        ...

    async def offered(self, quantity: str, method: str) -> bool:
        """Tell whether any node offers the capability at present."""
        ...

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
        """Submit a request; return when the ledger has it. The same again is no second one.

        Raises:
            RefusedError: The ledger refused it.
        """
        ...

    async def ending(self, request: UUID, changed: Callable[[Status, str], None]) -> Ending:
        """Wait for the end of a request.

        Args:
            request: Its uuid, perhaps submitted by an earlier process.
            changed: Called with every other status that is seen on the way, and its message.
        """
        ...

    async def post(self, result: Result, id: UUID) -> None:  # noqa: A002
        """Post a result nobody asked for; posting it again adds nothing.

        Raises:
            RefusedError: The ledger refused it.
        """
        ...


class Reporter(Protocol):
    """Who hears how a campaign fares."""

    def say(self, text: str, **values: Any) -> None:
        """Take note of ordinary progress."""
        ...

    def warn(self, text: str, **values: Any) -> None:
        """Take note of something a person should see."""
        ...

    async def progress(self, done: int, total: int, text: str) -> None:
        """Tell how many of at most ``total`` measurements are done."""
        ...
