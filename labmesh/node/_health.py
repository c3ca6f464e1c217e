"""A node watches itself: messages it cannot take, a silent ledger, a loop that stands still."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from labmesh.node._runtime import Runtime
from labmesh.node._streams import NodeStreams
from messages.node import Level

if TYPE_CHECKING:
    from labmesh.node._node import Node

_PULSE: Final = 1.0
"""Wall seconds between two looks at the node's own health."""

_STANDSTILL: Final = 1.0
"""Wall seconds that a look may be late before the operator is told."""

_RECOVERED: Final = 60
"""Looks in time after which a standstill is history."""

_SILENCE: Final = 10.0
"""Wall seconds without a receipt after which the operator hears of it."""

_STALE: Final = 60.0
"""Wall seconds without a look after which readers shall show that the node stands still."""

_WORRY: Final = 300.0
"""Wall seconds that a message which could not be taken stays a warning."""


class HealthWatch:
    """Publishes how a running node fares: its messages, streams, outbox and event loop.

    Args:
        node: Whose health it is.
        runtime: Its parts.
        streams: Its streams.
    """

    def __init__(self, node: Node[Any], runtime: Runtime, streams: NodeStreams) -> None:
        self._node = node
        self._runtime = runtime
        self._streams = streams
        self._problems = 0
        self._worried_until = 0.0
        self._ledger_silent = False

    async def run(self) -> None:
        """Look once a pulse, until cancelled."""
        loop, in_time = asyncio.get_running_loop(), _RECOVERED
        while True:
            self._watch_messages(loop.time())
            self._streams.diagnose()
            self._watch_outbox()
            due = loop.time() + _PULSE
            await asyncio.sleep(_PULSE)
            late = loop.time() - due
            in_time = 0 if late > _STANDSTILL else in_time + 1
            if in_time == 0:
                self._tell_standstill(late)
            elif in_time == _RECOVERED:
                self._node.diagnose("event-loop", Level.OK, "runs smoothly again")

    def _watch_messages(self, now: float) -> None:
        """Say how many messages could not be taken, and for a while after the last one warn."""
        health = self._runtime.health()
        problems = health["problems"] + health["handler_errors"]
        if problems > self._problems:
            self._problems, self._worried_until = problems, now + _WORRY
        worried = now < self._worried_until
        self._node.diagnose(
            "messages",
            Level.WARN if worried else Level.OK,
            f"{problems} messages could not be taken" if problems else "all is well",
            remedy="see the log for sender and reason" if worried else "",
            stale_after=_STALE,
            **health,
        )

    def _watch_outbox(self) -> None:
        """Say when the ledger does not answer, and when it does again."""
        outbox = self._runtime.outbox
        silent = outbox is not None and outbox.waiting > _SILENCE
        if outbox is None or silent is self._ledger_silent:
            return
        self._ledger_silent = silent
        if silent:
            what = f"no receipt from {outbox.ledger} for {_SILENCE:g} s"
            remedy = "see `labmesh node list` whether it is online; what waits here is sent then"
            self._node.log.warn(what, waiting=outbox.pending, remedy=remedy)
            self._node.diagnose("outbox", Level.WARN, what, remedy=remedy)
        else:
            self._node.log.info(f"{outbox.ledger} answers again")
            self._node.diagnose("outbox", Level.OK, "the ledger answers")

    def _tell_standstill(self, seconds: float) -> None:
        what = f"the node stood still for {seconds:.1f} s and gave no sign of life"
        remedy = "run what blocks (drivers, long computations) with self.in_thread(...)"
        self._node.log.error(what, remedy=remedy)
        self._node.diagnose("event-loop", Level.WARN, what, remedy=remedy)
