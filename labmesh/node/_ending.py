"""How a node ends: through its lifecycle, whatever its hooks do, and with nothing left running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from labmesh.log import NodeLog
from labmesh.node._lifecycle import LifecycleMachine, transitions_from
from messages.node import Transition

_GRACE: Final = 5.0
"""Wall seconds that each step of the shutdown may take."""

_WAY_OUT: Final = (Transition.DEACTIVATE, Transition.CLEANUP, Transition.SHUTDOWN)


async def finalize(life: LifecycleMachine, log: NodeLog) -> None:
    """Go to finalized; a step that fails is logged and the next one that is possible goes on."""
    for transition in _WAY_OUT:
        if transition not in transitions_from(life.state):
            continue
        try:
            async with asyncio.timeout(_GRACE):
                await life.change(transition)
        except TimeoutError:
            log.error(f"shutdown: {transition.value} took longer than {_GRACE:g} s")
        except Exception as error:  # noqa: BLE001
            log.error(f"shutdown: {transition.value}: {error}", error=type(error).__name__)


async def end_tasks(tasks: Iterable[asyncio.Task[Any] | None], log: NodeLog) -> None:
    """Cancel what runs beside the node, and name what does not care."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        _, late = await asyncio.wait(running, timeout=_GRACE)
        for task in late:
            log.error("does not stop", task=task.get_name())
