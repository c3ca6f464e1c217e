"""Deposits that nobody asks for: on a schedule by the mesh's clock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from messages.archive import DEPOSIT, DepositInput, DepositOutput
from messages.envelope import validate
from messages.errors import ConfigurationError, LabmeshError, RefusedError, RequestFailedError
from messages.node import Level
from nodes.archiver._parameters import SCHEDULE
from nodes.archiver._state import DepositStore

if TYPE_CHECKING:
    from labmesh import Node
    from nodes.archiver._parameters import ArchiverParameters

_NAMESPACE: Final = UUID("0f9a7e0e-6c39-5f0a-8a0c-0d7f4d2a9d11")
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_AGAIN: Final = 10.0
"""Wall seconds between two tries while the ledger cannot be had."""


def period_of(words: str) -> int:
    """Return the nanoseconds of a schedule: ``12 h``.

    Raises:
        ConfigurationError: It is none.
    """
    found = re.fullmatch(SCHEDULE, words)
    if found is None or not words:
        raise ConfigurationError(f"{words!r} is no schedule", remedy="write 12 h, or 1 d")
    number = re.match(r"\d+", words)
    assert number is not None  # noqa: S101 - the pattern begins with digits
    return int(number[0]) * _SECONDS[found[2]] * 1_000_000_000


def due_at(last: int | None, period: int, now: int) -> int:
    """Return when a campaign is due: what was missed meanwhile is made up for once.

    Args:
        last: When it was due before; None for never.
        period: Nanoseconds between two times.
        now: By the same clock.
    """
    if last is None:
        return now
    missed = max((now - last) // period, 1)
    return last + missed * period


class Schedule:
    """Asks for the deposit of one campaign whenever there is something new.

    A deposit is asked for at the ledger, as anybody would: so its result is there, and whoever
    restarts asks for the very same again.

    Args:
        node: The archiver.
        campaign: Its name.
        store: Where the times are noted.
        every: Returns the schedule in words as it is now.
        look: Returns a digest of what there is to deposit.
    """

    def __init__(
        self,
        node: Node[ArchiverParameters],
        campaign: str,
        store: DepositStore,
        *,
        every: Callable[[], str],
        look: Callable[[], Awaitable[str]],
    ) -> None:
        self._node = node
        self._campaign = campaign
        self._store = store
        self._every = every
        self._look = look

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            try:
                every = await asyncio.to_thread(self._every)
                if not every:
                    self._say(Level.OK, "only when asked for")
                    return
                await self._once(period_of(every))
            except LabmeshError as error:
                self._say(Level.WARN, f"waits: {error}")
                await asyncio.sleep(_AGAIN)

    async def _once(self, period: int) -> None:
        clock, last = self._node.clock, self._store.last_run(self._campaign)
        due = due_at(last[0] if last else None, period, clock.now())
        if due > clock.now():
            await clock.sleep((due - clock.now()) / 1e9)
            return
        try:
            seen = await self._look()
            words = "nothing new"
            if last is None or last[1] != seen:
                words = await self._deposited(due, seen)
        except (RequestFailedError, RefusedError, ConfigurationError) as error:
            # Not again under the same id, which has failed for good: the next time it is due.
            self._store.ran(self._campaign, due, "")
            self._say(Level.WARN, str(error), "labmesh archive deposit tries it again now")
            return
        self._store.ran(self._campaign, due, seen)
        self._say(Level.OK, words)

    async def _deposited(self, due: int, seen: str) -> str:
        """Have it deposited; a second call with the same arguments asks for the very same."""
        identity = uuid5(_NAMESPACE, f"{self._node.id} {self._campaign} {due} {seen}")
        asked = DepositInput(campaign=self._campaign)
        view = await self._node.lab.request(*DEPOSIT, asked, id=identity)
        found = validate(DepositOutput, view.data, where="result")
        return f"version {found.version} at {found.url or found.archive}"

    def _say(self, level: Level, words: str, remedy: str = "") -> None:
        component = f"schedule-{re.sub('[^a-z0-9_-]+', '-', self._campaign.lower())}"[:60]
        self._node.diagnose(component, level, words, remedy=remedy)
