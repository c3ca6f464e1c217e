"""What tells two plans of one launch apart, as what has to be done to come from one to the other.

Pure logic: positions in files, and what is only written differently, make no difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from labmesh.launch._plan import (
    Broker,
    ExecutableProcess,
    HandlerStep,
    NodeProcess,
    Plan,
    Process,
    Step,
    TimerStep,
    step_dict,
    walk,
)
from labmesh.launch._problem import Position, Problems

_SUPERVISION: Final = frozenset({"after", "respawn", "on_exit", "output"})
"""Keys about how a process is watched; a process that runs need not know of their change."""

_REMEDY: Final = "stop the launch and start it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What to do, process by process; each process is in one of these at most.

    Attributes:
        stop: Those that are gone, by id.
        start: Those that are new.
        restart: Those that have to be started again to be as planned.
        set: Nodes of which only parameters differ, and the values to set.
        adopt: Those that can stay as they are, watched in another way.
        take: New steps at the top that are no processes.
        drop: Timers that are gone.
    """

    stop: tuple[str, ...] = ()
    start: tuple[NodeProcess | ExecutableProcess, ...] = ()
    restart: tuple[NodeProcess | ExecutableProcess, ...] = ()
    set: tuple[tuple[NodeProcess, dict[str, Any]], ...] = ()
    adopt: tuple[NodeProcess | ExecutableProcess, ...] = ()
    take: tuple[Step, ...] = ()
    drop: tuple[TimerStep, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(
            (self.stop, self.start, self.restart, self.set, self.adopt, self.take, self.drop)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the ids of the processes by what happens to them."""
        return {
            "stop": list(self.stop),
            "start": [process.id for process in self.start],
            "restart": [process.id for process in self.restart],
            "set": {node.id: changes for node, changes in self.set},
            "adopt": [process.id for process in self.adopt],
        }


def difference(
    old: Plan, new: Plan, takes: Mapping[str, Collection[str]] | None = None
) -> Difference:
    """Return what leads from ``old`` to ``new``.

    Args:
        old: What runs.
        new: What shall run.
        takes: By what a node runs, the parameters that it takes over while it runs.
    """
    before = {process.id: process for process in old.processes()}
    after = {process.id: process for process in new.processes()}
    at_top = {step.id for step in new.steps if isinstance(step, Process)}
    was_at_top = {step.id for step in old.steps if isinstance(step, Process)}
    start: list[NodeProcess | ExecutableProcess] = []
    restart: list[NodeProcess | ExecutableProcess] = []
    adopt: list[NodeProcess | ExecutableProcess] = []
    settable: list[tuple[NodeProcess, dict[str, Any]]] = []
    for name, process in after.items():
        known = before.get(name)
        if known is None:
            (start if name in at_top else adopt).append(process)
            continue
        changed = _changed(known, process)
        changes = _settable(known, process, takes or {}) if "parameters" in changed else None
        if not changed:
            if name in at_top and name not in was_at_top:
                start.append(process)
        elif changed <= _SUPERVISION:
            adopt.append(process)
        elif changes is not None and changed <= _SUPERVISION | {"parameters"}:
            assert isinstance(process, NodeProcess)  # noqa: S101 - only nodes have parameters
            settable.append((process, changes))
        else:
            restart.append(process)
    return Difference(
        stop=tuple(name for name in before if name not in after),
        start=tuple(start),
        restart=tuple(restart),
        set=tuple(settable),
        adopt=tuple(adopt),
        take=_new_steps(old, new),
        drop=_timers_gone(old, new),
    )


def refuse(old: Plan, new: Plan, problems: Problems) -> None:
    """Report what cannot change while a launch runs: the realm, and the MQTT brokers."""
    if old.realm != new.realm:
        problems.add(
            Position(str(new.file)), f"the realm was {old.realm} and is {new.realm}", _REMEDY
        )
    before, after = _brokers(old), _brokers(new)
    if {site: at[0] for site, at in before.items()} != {site: at[0] for site, at in after.items()}:
        changed = [
            b for site, (what, b) in after.items() if site not in before or before[site][0] != what
        ]
        at = changed[0].position if changed else Position(str(new.file))
        problems.add(at, "an MQTT broker cannot change while its launch runs", _REMEDY)
        return
    served = {process.site for process in old.processes()} | {old.site}
    for process in new.processes():
        broker = new.broker_of(process.site)
        if process.site not in served and broker is not None and broker.url is None:
            problems.add(
                process.position,
                f"site {process.site!r} is new to the embedded MQTT broker, which would refuse it",
                _REMEDY,
            )


def _brokers(plan: Plan) -> dict[str | None, tuple[Any, Broker]]:
    return {broker.site: (_plain_data(broker), broker) for broker in plan.brokers}


def _plain_data(value: Any) -> Any:
    """Return what a dataclass says, and not where in a file."""
    if not dataclasses.is_dataclass(value):
        return value
    items = (item.name for item in dataclasses.fields(value))
    return {name: _plain_data(getattr(value, name)) for name in items if name != "position"}


def _plain(brokers: dict[str | None, tuple[Any, Broker]], site: str | None) -> Any:
    return brokers[site][0] if site in brokers else None


def _changed(old: Process, new: Process) -> frozenset[str]:
    """Return the keys in which two processes differ."""
    before, after = step_dict(old), step_dict(new)  # type: ignore[arg-type]
    names = before.keys() | after.keys()
    return frozenset(
        name
        for name in names
        if (name in before, before.get(name)) != (name in after, after.get(name))
    )


def _settable(
    old: Process, new: Process, takes: Mapping[str, Collection[str]]
) -> dict[str, Any] | None:
    """Return the parameters to set, None when that is not all there is to do."""
    if not (isinstance(old, NodeProcess) and isinstance(new, NodeProcess)):
        return None
    if _lost(old.parameters, new.parameters):
        return None  # what is no longer given has its default again after a start only
    changes = {
        name: value
        for name, value in new.parameters.items()
        if name not in old.parameters or old.parameters[name] != value
    }
    return changes if changes.keys() <= set(takes.get(new.run, ())) else None


def _lost(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return any(
        name not in new
        or (
            isinstance(value, Mapping)
            and isinstance(new[name], Mapping)
            and _lost(value, new[name])
        )
        for name, value in old.items()
    )


def _new_steps(old: Plan, new: Plan) -> tuple[Step, ...]:
    known = [step_dict(step) for step in old.steps]
    return tuple(
        step
        for step in new.steps
        if not isinstance(step, Process | HandlerStep) and step_dict(step) not in known
    )


def _timers_gone(old: Plan, new: Plan) -> tuple[TimerStep, ...]:
    left = [step_dict(step) for step in walk(new.steps) if isinstance(step, TimerStep)]
    timers = (step for step in walk(old.steps) if isinstance(step, TimerStep))
    return tuple(step for step in timers if step_dict(step) not in left)
