"""The lifecycle of a node: ROS 2's primary states and transitions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from labmesh.mesh import Mesh
from messages.errors import LabmeshError, LifecycleError
from messages.node import Lifecycle, NodeEvent, State, Transition

CHANGES: Final[Mapping[tuple[State, Transition], State]] = {
    (State.UNCONFIGURED, Transition.CONFIGURE): State.INACTIVE,
    (State.INACTIVE, Transition.ACTIVATE): State.ACTIVE,
    (State.ACTIVE, Transition.DEACTIVATE): State.INACTIVE,
    (State.INACTIVE, Transition.CLEANUP): State.UNCONFIGURED,
    (State.UNCONFIGURED, Transition.SHUTDOWN): State.FINALIZED,
    (State.INACTIVE, Transition.SHUTDOWN): State.FINALIZED,
    (State.ACTIVE, Transition.SHUTDOWN): State.FINALIZED,
}
"""The legal transitions (ROS 2 design, article "Managed nodes")."""


_PATIENCE: Final = 0.5
"""Wall seconds to wait for the MQTT broker's word; the message is kept and sent on reconnecting."""


def transitions_from(state: State) -> tuple[Transition, ...]:
    """Return the transitions that are possible from ``state``."""
    return tuple(transition for (before, transition) in CHANGES if before is state)


class LifecycleMachine:
    """Holds a node's state, runs its hooks, publishes ``~/node/life`` and ``~/event/lifecycle``.

    Args:
        mesh: Where to publish.
        hooks: What to await on each transition; a hook that raises leaves the state as it was.
    """

    def __init__(
        self, mesh: Mesh, hooks: Mapping[Transition, Callable[[], Awaitable[None]]]
    ) -> None:
        self._mesh = mesh
        self._hooks = hooks
        self._lock = asyncio.Lock()
        self._under_way: Transition | None = None
        self.state = State.UNCONFIGURED
        self.reason = ""

    async def change(self, transition: Transition, *, reason: str = "") -> State:
        """Go through ``transition`` and return the state it led to.

        Raises:
            LifecycleError: It is not possible from the present state; possible ones are named.
            LabmeshError: Whatever the node's own hook raised; the state is unchanged.
        """
        async with self._lock:
            after = CHANGES.get((self.state, transition))
            if after is None:
                possible = [t.value for t in transitions_from(self.state)]
                raise LifecycleError(
                    f"{self._mesh.me} is {self.state.value}; it cannot {transition.value}",
                    remedy=f"possible: {', '.join(possible) or 'nothing, it has ended'}",
                )
            self._under_way = transition
            try:
                await self.publish()
                await self._hooks[transition]()
                self.state, self.reason = after, reason
            except LabmeshError as error:
                self.reason = str(error)
                raise
            except Exception as error:
                self.reason = f"{type(error).__name__}: {error}"
                raise
            finally:
                self._under_way = None
                await self.publish()
            happened = NodeEvent(
                kind="lifecycle",
                text=reason[:4000],
                values={"transition": transition.value, "state": after.value},
            )
            self._mesh.post(self._mesh.topics.own("event", "lifecycle"), happened, qos=1)
            return after

    async def publish(self) -> None:
        """Publish the state, retained; an MQTT broker that does not answer holds nothing up."""
        message = Lifecycle(state=self.state, transition=self._under_way, reason=self.reason[:4000])
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._mesh.keep(self._mesh.topics.own("node", "life"), message)
