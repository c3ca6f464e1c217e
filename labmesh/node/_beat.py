"""``~/beat``: a node says that it lives from the loop that does its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from labmesh.mesh import Mesh
from labmesh.streams import PATIENCE
from messages.errors import LabmeshError
from messages.node import Beat

LEASE: Final = PATIENCE
"""Wall seconds that a beat holds where no publisher promises less."""

_BEATS: Final = 3
"""Beats in a lease, so that one may be late and one be lost."""


class Pulse:
    """Whether the node's work goes on.

    The event loop's own life shows in its beating at all. Work in a loop of its own, in a thread,
    says so by `beat`.
    """

    def __init__(self) -> None:
        self._author: tuple[float, float] | None = None

    def beat(self, lease: float | None) -> None:
        """Note a sign of life that holds for ``lease`` wall seconds; None: none is owed any more.

        Any thread may call it.
        """
        self._author = None if lease is None else (time.monotonic(), lease)

    @property
    def by_author(self) -> bool:
        """Whether the author's loop gives the sign."""
        return self._author is not None

    @property
    def silence(self) -> float:
        """Wall seconds by which a sign is overdue; 0 while the work goes on."""
        if (author := self._author) is None:
            return 0.0
        last, lease = author
        silence = time.monotonic() - last
        return silence if silence > lease else 0.0


class Heart:
    """Publishes the beats.

    Args:
        mesh: The node's seat.
        pulse: Whether its work goes on.
        published: Messages of each stream so far.
        lease: Shortest lease that the node promises, at most `LEASE`.
        changed: Called with the seconds of silence when the work stands still, with 0 when it goes
            on again.
    """

    def __init__(
        self,
        mesh: Mesh,
        pulse: Pulse,
        *,
        published: Callable[[], Mapping[str, int]],
        lease: Callable[[float], float],
        changed: Callable[[float], None],
    ) -> None:
        self._mesh = mesh
        self._pulse = pulse
        self._published = published
        self._lease = lease
        self._changed = changed
        self._topic = mesh.topics.own("beat")
        self._still = False
        self._early = asyncio.Event()
        mesh.transport.on_connect(self._beat_again)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            lease = self._lease(LEASE)
            silence = self._pulse.silence
            if bool(silence) is not self._still:
                self._still = bool(silence)
                self._changed(silence)
            await (self._hush() if silence else self._beat(lease))
            self._early.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(lease / _BEATS):
                    await self._early.wait()

    async def _beat_again(self) -> None:
        # An MQTT broker that was started anew knows of no beat.
        self._early.set()

    async def _beat(self, lease: float) -> None:
        beat = Beat(
            lease=lease,
            works="author" if self._pulse.by_author else "event-loop",
            published=dict(self._published()),
        )
        # Retained, so that one look shows who lives; it expires by itself. Without a connection
        # nobody is told anything.
        with suppress(LabmeshError):
            await self._mesh.send(self._topic, beat, qos=0, retain=True, expiry=lease)

    async def _hush(self) -> None:
        with suppress(LabmeshError):
            await self._mesh.transport.publish(self._topic, b"", qos=0, retain=True)
