"""Gives the names in ``after`` and in handlers their processes, once all are known."""

from __future__ import annotations

import dataclasses

from labmesh.launch._handlers import NAMES
from labmesh.launch._plan import (
    Dependency,
    HandlerStep,
    NodeProcess,
    Process,
    Step,
    TimerStep,
    TransitionStep,
    walk,
)
from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._processes import DEFAULT_STATE, EXECUTABLE_STATES


def resolve_names(steps: tuple[Step, ...], problems: Problems) -> tuple[Step, ...]:
    """Return the steps with every process referred to as ``site/name``.

    A bare name means the process of that name at the same site, else the only one of that name.
    """
    return _Names(steps, problems).steps(steps)


class _Names:
    def __init__(self, steps: tuple[Step, ...], problems: Problems) -> None:
        self._known = {step.id: step for step in walk(steps) if isinstance(step, Process)}
        self._problems = problems

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(self._step(step) for step in steps)

    def _step(self, step: Step) -> Step:
        if isinstance(step, TimerStep):
            return dataclasses.replace(step, steps=self.steps(step.steps))
        if isinstance(step, HandlerStep):
            found = self._handled(step) if step.event != "shutdown" else ""
            return dataclasses.replace(step, process=found, steps=self.steps(step.steps))
        if isinstance(step, TransitionStep):
            node = self._find_node(step.node, step.site, "transition", step.position)
            return dataclasses.replace(step, node=node)
        if isinstance(step, Process):
            after = tuple(filter(None, (self._dependency(d, step) for d in step.after)))
            step = dataclasses.replace(step, after=after)
            if isinstance(step, NodeProcess) and step.container:
                at = step.container_position or step.position
                container = self._find_node(step.container, step.site, "in", at)
                return dataclasses.replace(step, container=container)
        return step

    def _handled(self, step: HandlerStep) -> str:
        if step.event == "state":
            return self._find_node(step.process, step.site, NAMES[step.event], step.position)
        process = self._find(step.process, step.site)
        if process is None:
            self._unknown(step.process, NAMES[step.event], step.position)
        return process.id if process else step.process

    def _find_node(self, name: str, site: str, what: str, position: Position) -> str:
        process = self._find(name, site)
        if process is None:
            self._unknown(name, what, position)
        elif not isinstance(process, NodeProcess):
            self._problems.add(position, f"{what} names {name!r}, which is no node")
        return process.id if process else name

    def _dependency(self, dependency: Dependency, of: Process) -> Dependency | None:
        process = self._find(dependency.process, of.site)
        if process is None:
            self._unknown(dependency.process, "after", dependency.position)
            return None
        state = dependency.state
        if state == DEFAULT_STATE:
            state = "active" if isinstance(process, NodeProcess) else "started"
        elif not isinstance(process, NodeProcess) and state not in EXECUTABLE_STATES:
            self._problems.add(
                dependency.position,
                f"{dependency.process!r} is an executable and never becomes {state!r}",
                f"wait for {' or '.join(EXECUTABLE_STATES)}",
            )
            return None
        return dataclasses.replace(dependency, process=process.id, state=state)

    def _find(self, name: str, site: str) -> Process | None:
        if "/" in name:
            return self._known.get(name)
        here = self._known.get(f"{site}/{name}")
        if here is not None:
            return here
        others = [process for process in self._known.values() if process.name == name]
        return others[0] if len(others) == 1 else None

    def _unknown(self, name: str, where: str, position: Position) -> None:
        if self._problems.incomplete:
            return
        names = {process.name for process in self._known.values()}
        self._problems.add(
            position,
            f"{where} names {name!r}, which no process here has",
            did_you_mean(name, names),
        )
