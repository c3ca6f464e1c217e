"""A component: a node that runs in another one's process, and is started again by rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Literal

from labmesh import LabmeshError, Level, Node, NodeOptions
from labmesh.security import Account
from messages.errors import ConfigurationError, NodeNameTakenError
from messages.ids import NodeId
from messages.model import JsonObject
from nodes.container._parameters import Component, ContainerParameters

ComponentState = Literal["starting", "running", "waiting", "ended", "failed"]

Told = Callable[[Level, str], None]
"""Told how the component fares."""

_LONGEST: Final = 60.0
"""Wall seconds: the longest pause before a restart, and how long a component must have run for
the restarts before it to count no more."""


class RunningComponent:
    """Keeps one node running in this process.

    Args:
        component: Which node.
        kind: Its class.
        container: Options of the node that it runs in.
        rules: The container's parameters as they are at any time.
        told: Told how it fares.

    Attributes:
        state: ``starting``, ``running``, ``waiting`` for its restart, ``ended``, or ``failed``.
        restarts: How often it was started again.
        error: Why it ended last, empty where it did so in order.

    Raises:
        LabmeshError: Its parameters or its account are not right.
    """

    def __init__(
        self,
        component: Component,
        kind: type[Node[Any]],
        container: NodeOptions,
        rules: Callable[[], ContainerParameters],
        told: Told,
    ) -> None:
        self.component = component
        self.state: ComponentState = "starting"
        self.restarts = 0
        self.error = ""
        self._kind = kind
        self._options = _options(component, container)
        self._rules = rules
        self._told = told
        self._stopping = asyncio.Event()
        self._settled = asyncio.Event()
        self._node: Node[Any] = kind(self._options)

    @property
    def id(self) -> NodeId:
        """The node's name."""
        return self._options.id

    def view(self) -> JsonObject:
        """Return what ``component.list`` says of it."""
        return {
            "node": str(self.id),
            "program": self.component.run,
            "state": self.state,
            "lifecycle": self._node.state.value if self.state == "running" else None,
            "restarts": self.restarts,
            "error": self.error,
        }

    async def keep(self) -> None:
        """Run it until it ends for good or `stop` is called; its failures stay in here."""
        loop, in_a_row = asyncio.get_running_loop(), 0
        while True:
            begun = loop.time()
            retry = await self._run_once()
            if self._stopping.is_set():
                self.error = ""
                self._become("ended")
                return
            in_a_row = 0 if loop.time() - begun > _LONGEST else in_a_row
            rules = self._rules()
            wanted = rules.restart == "always" or (rules.restart == "on_failure" and self.error)
            if not (retry and wanted) or in_a_row >= rules.restarts:
                self._end()
                return
            pause = min(rules.restart_delay * 2**in_a_row, _LONGEST)
            in_a_row += 1
            self.restarts += 1
            self._become("waiting")
            self._told(Level.WARN, f"{self.error or 'ended'}; is started again in {pause:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            if self._stopping.is_set():
                self._become("ended")
                return
            self._become("starting")
            self._node = self._kind(self._options)

    async def _run_once(self) -> bool:
        """Run it once; return whether to try again may help."""
        watch = asyncio.create_task(self._watch_start(), name=f"{self.id} started")
        try:
            code = await self._node.run()
            self.error = f"exit code {code}" if code else ""
        except (ConfigurationError, NodeNameTakenError) as error:
            self.error = str(error)
            return False
        except LabmeshError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a component does, the others go on
            self.error = f"{type(error).__name__}: {error}"
        finally:
            watch.cancel()
        return True

    async def _watch_start(self) -> None:
        await self._node.started.wait()
        self._become("running")
        self._told(Level.OK, f"runs {self.component.run}")

    def _end(self) -> None:
        self._become("failed" if self.error else "ended")
        level = Level.ERROR if self.error else Level.OK
        self._told(level, f"has ended: {self.error}" if self.error else "has ended in order")

    async def settled(self) -> None:
        """Return when it runs, has ended or has failed."""
        await self._settled.wait()

    def _become(self, state: ComponentState) -> None:
        self.state = state
        if state == "starting":
            self._settled.clear()
        else:
            self._settled.set()

    def stop(self) -> None:
        """Tell it to end, in order; `keep` returns when it has."""
        self._stopping.set()
        self._node.interrupt()


def _options(component: Component, container: NodeOptions) -> NodeOptions:
    place = container.place
    if component.account:
        place = replace(place, account=Account.read(component.account))
    if component.ledger:
        place = replace(place, ledger=NodeId.parse(component.ledger))
    if component.clock:
        place = replace(place, clock=NodeId.parse(component.clock))
    return replace(
        container,
        place=place,
        name=component.name,
        parameters=component.param,
        autostart=component.autostart,
        succeeds=None,
        remap={name: NodeId.parse(target) for name, target in component.remap.items()},
        container=container.id,
    )
