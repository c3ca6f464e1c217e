"""How an instrument is, judged from what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from messages.safety import Condition

_CLOSED = frozenset({Condition.STOPPED, Condition.FAULT, Condition.PAUSED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """A condition, why, and what the operator can do."""

    condition: Condition
    why: str = ""
    remedy: str = ""

    @property
    def closed(self) -> bool:
        """Whether no order is begun."""
        return self.condition in _CLOSED

    @property
    def offers(self) -> bool:
        """Whether its offers stand."""
        return self.condition not in (Condition.STOPPED, Condition.FAULT)


class Board:
    """What is known of an instrument, and what follows.

    Args:
        reset: What the operator does about a stop or a fault.

    Attributes:
        active: The lifecycle's state is active.
        stop_id: Of the last stop that is engaged.
        stop: The emergency stop that is engaged, in words, or empty.
        fault: What is wrong and what helps, or None.
        doubts: Steps of which nobody knows how they ended.
        busy: What is in hand.
        in_hand: What was in hand when it was stopped.
        caught: Orders that a stop ended before it was told to the event loop.
        parked: Why it is parked, or empty.
        lost: Why it is cut off from the lab, or empty.
        waits: An order waits between two steps for the end of a pause.
    """

    def __init__(self, reset: str) -> None:
        self._reset = reset
        self.active = False
        self.stop = ""
        self.stop_id: UUID | None = None
        self.fault: tuple[str, str] | None = None
        self.doubts: tuple[str, ...] = ()
        self.busy: list[str] = []
        self.in_hand: tuple[str, ...] = ()
        self.caught: list[str] = []
        self.parked = ""
        self.lost = ""
        self.waits = False
        self.paused = ""
        self._resumed = asyncio.Event()

    def judge(self) -> Judgement:
        """Say how it is; what comes first outweighs the rest."""
        if self.stop:
            return Judgement(Condition.STOPPED, self.stop, self._reset)
        if self.fault is not None:
            why, remedy = self.fault
            return Judgement(Condition.FAULT, why, remedy or self._reset)
        if self.parked:
            return Judgement(Condition.PAUSED, f"parked: {self.parked}")
        if self.paused and (self.waits or not self.busy):
            return Judgement(Condition.PAUSED, self.paused, "instrument.resume")
        if self.busy:
            return Judgement(Condition.BUSY, "; ".join(self.busy))
        if self.doubts:
            return Judgement(
                Condition.FAULT,
                f"nobody knows how these ended: {'; '.join(self.doubts)}",
                "look at the instrument, then say so with instrument.resolve",
            )
        return Judgement(Condition.IDLE if self.active else Condition.OFF)

    @contextmanager
    def has_in_hand(self, words: str) -> Iterator[None]:
        """Be busy for as long as the block runs."""
        self.busy.append(words)
        try:
            yield
        finally:
            self.busy.remove(words)

    def pause(self, why: str) -> None:
        """Let whoever asks between two steps wait."""
        self.paused = why
        self._resumed.clear()

    def resume(self) -> None:
        """Let them go on."""
        self.paused = ""
        self._resumed.set()

    async def until_resumed(self) -> None:
        """Return at the end of the pause."""
        await self._resumed.wait()
