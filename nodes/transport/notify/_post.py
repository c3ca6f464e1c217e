"""The post: takes notifications at once, and hands them to notifiers that may be slow or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final

from messages.errors import ConfigurationError, LabmeshError
from nodes.transport.notify._api import KINDS, Notification, Notifier

GROUP: Final = "labmesh.notifiers"

_WAITING: Final = 200
"""Notifications that wait for one notifier; of more the oldest are forgotten, and counted."""

_PATIENCE: Final = 60.0
"""Wall seconds for one notification."""

_PAUSES: Final = (2.0, 10.0)
"""Wall seconds before it is tried once more."""

_USUAL: Final = ("offered", "recalled", "cancelled", "handing_over", "reminder", "escalation")
"""What is told where a notifier's ``events`` does not say."""

Word = Callable[[str, str], None]
"""Told of a notifier's trouble, or (an empty text) that it works."""


@dataclass(frozen=True, slots=True)
class Named:
    """A notifier of the parameters.

    Attributes:
        name: For diagnostics: its kind, and its place in the list.
        on: What it is told.
    """

    name: str
    on: frozenset[str]
    notifier: Notifier


def make_notifiers(options: Iterable[dict[str, Any]]) -> list[Named]:
    """Make the notifiers that a node's parameters name.

    Raises:
        ConfigurationError: There is no such kind, or its options are wrong.
    """
    kinds = {each.name: each for each in entry_points(group=GROUP)}
    made = []
    for number, given in enumerate(options, start=1):
        rest = dict(given)
        kind, on = rest.pop("kind", None), rest.pop("events", _USUAL)
        if kind not in kinds:
            raise ConfigurationError(
                f"there is no notifier {kind!r}",
                where=f"notifiers.{number}.kind",
                remedy=f"there are {', '.join(sorted(kinds))}",
            )
        unknown = [on] if isinstance(on, str) else [str(e) for e in on if e not in KINDS]
        if unknown:
            raise ConfigurationError(
                f"{', '.join(unknown)} never happens to a transport",
                where=f"notifiers.{number}.events",
                remedy=f"a list of {', '.join(KINDS)}",
            )
        notifier: Notifier = kinds[kind].load()(rest)
        made.append(Named(f"{kind}-{number}", frozenset(on), notifier))
    return made


class Post:
    """Hands notifications to notifiers, each in its own time.

    Args:
        notifiers: Who tells.
        word: Told how they fare.
    """

    def __init__(self, notifiers: list[Named], word: Word) -> None:
        self._word = word
        self._queues = [(each, _Queue()) for each in notifiers]
        self._tasks = [
            asyncio.get_running_loop().create_task(self._carry(each, queue), name=each.name)
            for each, queue in self._queues
        ]

    def tell(self, notification: Notification) -> None:
        """Take a notification. Never waits, never fails."""
        for each, queue in self._queues:
            if notification.kind in each.on:
                queue.put(notification)

    async def close(self, patience: float = 2.0) -> None:
        """Give what waits a moment, then stop."""
        waiting = [queue.empty.wait() for _, queue in self._queues]
        try:
            async with asyncio.timeout(patience):
                await asyncio.gather(*waiting)
        except TimeoutError:
            pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each, _ in self._queues:
            await each.notifier.close()

    async def _carry(self, named: Named, queue: _Queue) -> None:
        while True:
            notification = await queue.get()
            trouble = ""
            for pause in (*_PAUSES, None):
                trouble = await _try(named.notifier, notification)
                if not trouble or pause is None:
                    break
                self._word(named.name, trouble)
                await asyncio.sleep(pause)
            if queue.forgotten:
                trouble = f"{trouble}; {queue.forgotten} notifications were forgotten".strip("; ")
            self._word(named.name, trouble)
            queue.done()


class _Queue:
    """What waits for one notifier."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Notification] = asyncio.Queue(_WAITING)
        self._left = 0
        self.forgotten = 0
        self.empty = asyncio.Event()
        self.empty.set()

    def put(self, notification: Notification) -> None:
        if self._items.full():
            self._items.get_nowait()
            self.forgotten += 1
            self._left -= 1
        self._items.put_nowait(notification)
        self._left += 1
        self.empty.clear()

    async def get(self) -> Notification:
        return await self._items.get()

    def done(self) -> None:
        self._left -= 1
        if not self._left:
            self.empty.set()


async def _try(notifier: Notifier, notification: Notification) -> str:
    """Return what went wrong, or an empty text. Others wrote the notifier: anything may."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await notifier.notify(notification)
    except TimeoutError:
        return f"has not told anybody within {_PATIENCE:g} s"
    except LabmeshError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a notifier of somebody else's
        return f"{type(error).__name__}: {error}"
    return ""
