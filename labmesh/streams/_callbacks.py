"""Runs an author's callbacks: one at a time where they share a resource, their errors contained."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from labmesh.log import NodeLog
from labmesh.streams._resources import Resources
from labmesh.streams._troubles import Troubles
from messages.errors import LabmeshError

_AGAIN: Final = 60.0
"""Wall seconds after which the same error of the same callback is logged again."""

_BREATH: Final = 1.0
"""Wall seconds after which another error of the same callback is logged: some hold a number."""


class Callbacks:
    """Runs callbacks.

    Args:
        resources: The node's named locks.
        troubles: Where errors are counted and shown.
        log: Where they are told.
    """

    def __init__(self, resources: Resources, troubles: Troubles, log: NodeLog) -> None:
        self._resources = resources
        self._troubles = troubles
        self._log = log
        self._told: dict[str, tuple[str, float]] = {}

    async def run(
        self,
        name: str,
        function: Callable[..., Awaitable[None] | None],
        *arguments: Any,
        resource: str = "",
    ) -> None:
        """Call ``function``, await what it returns; its error goes to log and diagnostics."""
        try:
            async with self._resources.hold(resource):
                result = function(*arguments)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:  # noqa: BLE001 - whatever an author's callback raises stays here
            self._failed(name, error)
        else:
            if name in self._told:
                del self._told[name]
                self._troubles.end(name)

    def _failed(self, name: str, error: Exception) -> None:
        words = (
            str(error) if isinstance(error, LabmeshError) else f"{type(error).__name__}: {error}"
        )
        self._troubles.count("callback_errors", name)
        self._troubles.begin(name, f"{name} failed: {words}")
        now = time.monotonic()
        said, when = self._told.get(name, ("", -_AGAIN))
        if now - when > (_AGAIN if words == said else _BREATH):
            self._told[name] = (words, now)
            where = {} if isinstance(error, LabmeshError) else {"at": _origin(error)}
            self._log.error(f"{name} failed: {words}", **where)


def _origin(error: Exception) -> str:
    """Return file:line of the innermost frame."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
