"""The lifecycle of a node: ROS 2's states and transitions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from labmesh.mesh import Mesh
from messages.errors import LabmeshError, LifecycleError
from messages.node import Lifecycle, State, Transition

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


ON_THE_WAY: Final[Mapping[Transition, str]] = {
    Transition.CONFIGURE: "configuring",
    Transition.ACTIVATE: "activating",
    Transition.DEACTIVATE: "deactivating",
    Transition.CLEANUP: "cleaningup",
    Transition.SHUTDOWN: "shuttingdown",
}
"""The transition states (ROS 2: lifecycle_msgs/State)."""

_PATIENCE: Final = 0.5
"""Wall seconds to wait for the MQTT broker's word; the message is kept and sent on reconnecting."""


def transitions_from(state: State) -> tuple[Transition, ...]:
    """Return the transitions that are possible from ``state``."""
    return tuple(transition for (before, transition) in CHANGES if before is state)


Recover = Callable[[Exception], Awaitable[None]]
"""Takes what a hook raised; returns when the node may be configured anew, else raises."""

Tell = Callable[[str, str, Transition, str], None]
"""Told of each step: the state it came from and the one it is in now by their labels, the
transition, and the reason."""


class LifecycleMachine:
    """Holds a node's state, runs its hooks, publishes ``~/node/life`` and ``~/event/lifecycle``.

    A hook that raises a `LabmeshError` has refused (ROS 2: FAILURE) and the state is as before.
    Whatever else it raises is an ERROR: the node goes through errorprocessing, where `recover` has
    its say; after it the node is unconfigured, or finalized when that raises, too.

    Args:
        mesh: Where to publish.
        hooks: What to await on each transition.
        recover: What to await in errorprocessing; after it the node is at rest.
        tell: Told of each step.
    """

    def __init__(
        self,
        mesh: Mesh,
        hooks: Mapping[Transition, Callable[[], Awaitable[None]]],
        *,
        recover: Recover,
        tell: Tell,
    ) -> None:
        self._mesh = mesh
        self._hooks = hooks
        self._recover = recover
        self._tell = tell
        self._lock = asyncio.Lock()
        self._under_way: Transition | None = None
        self.state = State.UNCONFIGURED
        self.label: str = State.UNCONFIGURED.value
        """The state's name, a transition state's while one is under way."""
        self.reason = ""

    async def change(self, transition: Transition, *, reason: str = "") -> State:
        """Go through ``transition`` and return the state it led to.

        Raises:
            LifecycleError: It is not possible from the present state; possible ones are named.
            LabmeshError: Whatever the node's own hook raised; the state is unchanged.
            Exception: Likewise, but no LabmeshError; the node is unconfigured or finalized.
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
            await self._enter(ON_THE_WAY[transition])
            try:
                await self._hooks[transition]()
                self.state, self.reason = after, reason
            except LabmeshError as error:
                self.reason = str(error)
                raise
            except Exception as error:
                await self._process(error)
                raise
            finally:
                await self._enter(self.state.value, self.reason, ended=True)
            return after

    async def _process(self, error: Exception) -> None:
        """Take the node from an error nobody foresaw to a state that is known again."""
        self.reason = f"{type(error).__name__}: {error}"
        await self._enter("errorprocessing", self.reason)
        try:
            await self._recover(error)
            self.state = State.UNCONFIGURED
        except Exception as second:  # noqa: BLE001 - on_error is anybody's code
            self.state = State.FINALIZED
            if second is not error:
                self.reason += f"; on_error: {type(second).__name__}: {second}"

    async def _enter(self, label: str, reason: str = "", *, ended: bool = False) -> None:
        before, self.label = self.label, label
        transition = self._under_way
        if ended:
            self._under_way = None
        if transition is not None:
            self._tell(before, label, transition, reason)
        await self.publish()

    async def publish(self) -> None:
        """Publish the state, retained; an MQTT broker that does not answer holds nothing up."""
        message = Lifecycle(
            state=self.state,
            label=self.label,
            transition=self._under_way,
            reason=self.reason[:4000],
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._mesh.keep(self._mesh.topics.own("node", "life"), message)
