"""Executes a plan: starts, watches, respawns and, in reverse order, ends its processes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from labmesh.launch._accounts import account_of
from labmesh.launch._command import environment, node_command, write_parameters
from labmesh.launch._components import all_parameters
from labmesh.launch._difference import Difference
from labmesh.launch._plan import (
    Dependency,
    ExecutableProcess,
    HandlerStep,
    LogStep,
    NodeProcess,
    Plan,
    Process,
    ShutdownStep,
    Step,
    TimerStep,
    TransitionStep,
    walk,
)
from labmesh.launch._process import Child, Keeper
from labmesh.launch._screen import Screen
from labmesh.launch._unit import Force, Unit, satisfies
from messages.errors import LabmeshError

_REMINDER_SECONDS = 10.0

_FAREWELL_SECONDS = 10.0
"""What programs of on_shutdown may take together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why a launch ends, and its exit code."""

    reason: str
    code: int


class Supervisor:
    """Runs the processes of one plan.

    Args:
        plan: Checked, and only the part that runs here.
        urls: The url of the MQTT broker by site.
        data_dir: The mesh's data folder, absolute.
        run_dir: Where parameter files go.
        screen: Takes every line.
        change_life: Asks a node (``site/name``) for a lifecycle transition.
        lock: The descriptor of the claim on the data folder, held until nothing is left.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        urls: Mapping[str, str],
        data_dir: Path,
        run_dir: Path,
        screen: Screen,
        change_life: Callable[[str, str], Awaitable[None]],
        lock: int | None = None,
    ) -> None:
        self._plan = plan
        self._urls = urls
        self._data_dir = data_dir
        self._run_dir = run_dir
        self._screen = screen
        self._change_life = change_life
        self._lock = lock
        self._changing = 0
        self._begun = False
        labels = plan.labels()
        self.units = {p.id: Unit(p, labels[p.id]) for p in plan.processes()}
        self._inside = _components(plan, {})
        self._others: dict[str, str] = {}
        self._handlers = [step for step in walk(plan.steps) if isinstance(step, HandlerStep)]
        self._keeper = Keeper()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[asyncio.Task[None], TimerStep] = {}
        self._news = asyncio.Event()
        self._failure: int | None = None
        self._stop = asyncio.Event()
        self._outcome: Outcome | None = None
        self.force = Force()

    def request_stop(self, reason: str, code: int | None = None) -> None:
        """End the launch; the first reason and code count, later calls make it less patient.

        Args:
            reason: For the screen.
            code: The exit code; None: that of the first process that failed, else 0.
        """
        if self._outcome is not None:
            return
        self._outcome = Outcome(reason, (self._failure or 0) if code is None else code)
        self._stop.set()

    def shown(self) -> Iterator[Unit]:
        """Yield all units, those inside a container after it."""
        for unit in self.units.values():
            yield unit
            yield from self._inside_of(unit.plan)

    def known(self, name: str) -> Unit | None:
        """Return the unit of ``site/name``, a process or inside a container."""
        return self.units.get(name) or self._inside.get(name)

    def _inside_of(self, plan: NodeProcess | ExecutableProcess) -> list[Unit]:
        components = plan.components if isinstance(plan, NodeProcess) else ()
        return [self._inside[each.id] for each in components if each.id in self._inside]

    @property
    def begun(self) -> bool:
        """Whether the steps were taken: before that, nothing can be changed."""
        return self._begun

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stop.is_set()

    async def stopped(self) -> None:
        """Return once the end was asked for."""
        await self._stop.wait()

    async def run(self) -> Outcome:
        """Take the steps, wait for the end, end everything. Leaves no process behind."""
        await self._keeper.start(self._lock)
        try:
            self._begun = True
            self._take(self._plan.steps)
            self._end_when_idle()
            await self._stop.wait()
            await self._farewell()
        finally:
            self.request_stop("internal error", 1)
            await self._leave(list(self.units))
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._keeper.stop()
        assert self._outcome is not None  # noqa: S101 - request_stop has set it
        return self._outcome

    async def change(self, plan: Plan, difference: Difference) -> None:
        """Go over to another plan: end what is gone or changed, start what is new or changed.

        Returns once everything that had to end has ended; what starts is under way.
        """
        gone = set(difference.stop)
        # What still waits to be started shall wait for what the new plan says.
        waiting = {p.id for p in difference.adopt if p.id in self.units}
        again = {process.id for process in difference.restart} | {
            name for name in waiting if self.units[name].state == "waiting"
        }
        begun = {name for name in again if self.units[name].task is not None}
        self._changing += 1
        try:
            await self._let_go(gone | begun)
            if self.stopping:
                return
            self._go_over(plan, difference.drop)
            for name in again:
                self.units[name].renew(self.units[name].plan, self.units[name].label)
            self._take(difference.take)
            due = begun | {step.id for step in plan.steps if isinstance(step, Process)}
            for unit in self.units.values():
                if unit.plan.id in due and unit.task is None and not self.stopping:
                    self._begin(unit)
        finally:
            self._changing -= 1
        self._tell()
        self._end_when_idle()

    async def restart(self, names: Collection[str]) -> None:
        """End processes and start them again; one that has not begun or has ended, starts."""
        self._changing += 1
        try:
            await self._let_go(names)
            for name in names if not self.stopping else ():
                self._begin(self.units[name])
        finally:
            self._changing -= 1
        self._end_when_idle()

    async def _let_go(self, names: Collection[str]) -> None:
        await self._leave(names)
        tasks = [task for name in names if (task := self.units[name].task) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _go_over(self, plan: Plan, dropped: Collection[TimerStep]) -> None:
        """Take another plan as what is planned; starts nothing."""
        labels = plan.labels()
        units: dict[str, Unit] = {}
        for process in plan.processes():
            unit = self.units.get(process.id) or Unit(process, labels[process.id])
            unit.plan, unit.label = process, labels[process.id]
            units[process.id] = unit
        self._plan, self.units = plan, units
        self._inside = _components(plan, self._inside)
        self._handlers = [step for step in walk(plan.steps) if isinstance(step, HandlerStep)]
        for task in [task for task, step in self._timers.items() if step in dropped]:
            del self._timers[task]
            task.cancel()

    def life(self, node: str, state: str, epoch: int, retained: bool) -> None:
        """Take the lifecycle state of ``site/node``, ours or another's."""
        unit = self.known(node)
        if unit is None:
            if self._others.get(node) != state:
                self._handle("state", node, state)
            self._others[node] = state
        elif unit.take_life(state, epoch, retained=retained) and not self.stopping:
            # The way up and the way out need no line a step; a node that falls back does.
            if state == "active" or (state == "inactive" and unit.ready_once):
                self._screen.say(f"{unit.label} is {state}")
            self._handle("state", node, state)
        self._tell()

    def _take(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if self.stopping:
                return
            if isinstance(step, LogStep):
                self._screen.say(step.message, step.level)
            elif isinstance(step, TimerStep):
                task = self._spawn(self._timer(step), f"timer {step.position}")
                self._timers[task] = step
            elif isinstance(step, ShutdownStep):
                self.request_stop(step.reason or f"asked by {step.position}")
            elif isinstance(step, TransitionStep):
                self._spawn(self._transition(step), f"transition {step.position}")
            elif not isinstance(step, HandlerStep) and step.id in self.units:
                self._begin(self.units[step.id])

    def _begin(self, unit: Unit) -> None:
        if unit.task is not None and not unit.task.done():
            self._screen.say(f"{unit.label} runs already", "warn")
            return
        unit.renew(unit.plan, unit.label)
        unit.task = self._spawn(self._run_unit(unit), f"unit {unit.plan.id}")

    async def _timer(self, step: TimerStep) -> None:
        await asyncio.sleep(step.delay)
        self._timers.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)
        self._take(step.steps)
        self._end_when_idle()

    async def _transition(self, step: TransitionStep) -> None:
        try:
            await self._change_life(step.node, step.transition)
        except LabmeshError as error:
            self._screen.say(f"{step.node} was asked to {step.transition}: {error}", "error")

    async def _run_unit(self, unit: Unit) -> None:
        for dependency in unit.plan.after:
            if not await self._await(unit, dependency):
                return
        delay: float | None = 0.0
        while delay is not None and not self.stopping:
            if unit.runs:
                self._screen.say(f"starting {unit.label} again in {delay:g} s", "warn")
                await asyncio.sleep(delay)
            begun = time.monotonic()
            code = await self._run_once(unit)
            if self.stopping or unit.leaving:
                return
            delay = unit.respawn_delay(time.monotonic() - begun, code)
            self._report_exit(unit, code, final=delay is None)
        self._ended(unit, code)

    async def _run_once(self, unit: Unit, *, last: bool = False) -> int:
        plan = unit.plan
        mqtt = self._urls.get(plan.site)
        if isinstance(plan, NodeProcess):
            stem = unit.label.replace("/", ".")
            parameters = all_parameters(plan, self._plan.broker_of(plan.site))
            command = node_command(
                plan,
                mqtt=mqtt or "",
                realm=self._plan.realm,
                data_dir=self._data_dir,
                params_file=write_parameters(parameters, self._run_dir / f"{stem}.params.yaml"),
            )
            cwd = None
        else:
            command, cwd = list(plan.command), plan.cwd
        async with unit.gate:
            if (self.stopping and not last) or unit.leaving:
                return 0
            child = await Child.start(
                command,
                env=environment(
                    plan,
                    mqtt=mqtt,
                    realm=self._plan.realm,
                    data_dir=self._data_dir,
                    account=account_of(plan, self._plan.broker_of(plan.site)),
                ),
                cwd=cwd,
                on_line=lambda line: self._line(unit, line),
                keeper=self._keeper,
            )
            for each in (unit, *self._inside_of(plan)):
                each.new_run(child)
        self._screen.say(f"started {unit.label} (pid {child.pid})")
        self._tell()
        self._handle("start", plan.id)
        code = await child.wait()
        self._tell()
        return code

    def _report_exit(self, unit: Unit, code: int, *, final: bool) -> None:
        early = not unit.ready_once
        if code == 0:
            self._screen.say(f"{unit.label} has exited")
            return
        when = f"before it was ready, {_how(code)}" if early else _how(code)
        self._screen.say(f"{unit.label} has exited {when}", "error" if final else "warn")
        if unit.child is not None and (early or unit.plan.output == "log"):
            for line in unit.child.tail:
                self._screen.line("launch", f"    {unit.label}| {line}", "both")

    def _ended(self, unit: Unit, code: int) -> None:
        """A process has ended for good, by itself."""
        for each in (unit, *self._inside_of(unit.plan)):
            each.code = code
        if code and self._failure is None:
            self._failure = code
        self._tell()
        self._handle("exit", unit.plan.id)
        if unit.plan.on_exit == "shutdown":
            self.request_stop(f"{unit.label} has exited")
        elif code and not unit.ready_once:
            self.request_stop(f"{unit.label} could not start")
        self._end_when_idle()

    async def _await(self, unit: Unit, dependency: Dependency) -> bool:
        """Wait until a dependency is fulfilled; False when it never will be."""
        waited = 0.0
        other = self.known(dependency.process)
        name = other.label if other else dependency.process
        while not self._fulfilled(dependency):
            if other is not None and other.over:
                self._screen.say(
                    f"{unit.label} waits for {name} to be {dependency.state}, "
                    f"but it has exited {_how(other.code or 0)}",
                    "error",
                )
                self.request_stop(f"{unit.label} could not start", self._failure or 1)
                return False
            news = self._news
            try:
                async with asyncio.timeout(_REMINDER_SECONDS):
                    await news.wait()
            except TimeoutError:
                waited += _REMINDER_SECONDS
                self._screen.say(
                    f"{unit.label} has waited {waited:.0f} s for {name} to be {dependency.state}"
                )
        return True

    def _fulfilled(self, dependency: Dependency) -> bool:
        unit = self.known(dependency.process)
        if unit is not None:
            return unit.fulfils(dependency.state)
        life = self._others.get(dependency.process)
        if dependency.state == "started":
            return life is not None
        wanted = "finalized" if dependency.state == "exited" else dependency.state
        return satisfies(life, wanted)

    def _handle(self, event: str, process: str, what: str = "") -> None:
        for handler in self._handlers:
            if handler.event == event and handler.process == process and handler.what == what:
                self._take(handler.steps)

    def _line(self, unit: Unit, line: str) -> None:
        self._screen.line(unit.label, line, unit.plan.output)
        for handler in self._handlers:
            mine = handler.event == "output" and handler.process == unit.plan.id
            if mine and re.search(handler.what, line):
                self._take(handler.steps)

    async def _farewell(self) -> None:
        """Take what shall be done before anything ends; programs have some seconds for it."""
        programs = []
        for handler in self._handlers:
            for step in handler.steps if handler.event == "shutdown" else ():
                if isinstance(step, LogStep):
                    self._screen.say(step.message, step.level)
                elif isinstance(step, ExecutableProcess) and step.id in self.units:
                    unit = self.units[step.id]
                    unit.task = self._spawn(self._say_goodbye(unit), f"unit {step.id}")
                    programs.append(unit.task)
        if programs:
            hurry = asyncio.create_task(self.force.wait(1))
            done = asyncio.gather(*programs, return_exceptions=True)
            await asyncio.wait(
                (hurry, done), timeout=_FAREWELL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            hurry.cancel()

    async def _say_goodbye(self, unit: Unit) -> None:
        unit.code = await self._run_once(unit, last=True)
        self._report_exit(unit, unit.code, final=True)

    def _tell(self) -> None:
        """Wake everyone who waits for something to change."""
        self._news.set()
        self._news = asyncio.Event()
        self._screen.touch()

    def _end_when_idle(self) -> None:
        begun = [unit for unit in self.units.values() if unit.task is not None]
        only_serves = not self.units and any(b.url is None for b in self._plan.brokers)
        if self._changing:
            return
        if not self._timers and all(unit.over for unit in begun) and not only_serves:
            self.request_stop("nothing is left to do")

    async def _leave(self, names: Collection[str]) -> None:
        """End processes, each once those of ``names`` that come after it have ended."""
        over = {name: asyncio.Event() for name in names}
        dependents: dict[str, list[asyncio.Event]] = {name: [] for name in names}
        for name in names:
            for dependency in self.units[name].plan.after:
                if dependency.process in dependents:
                    dependents[dependency.process].append(over[name])

        async def stop(name: str) -> None:
            waits = [event.wait() for event in dependents[name]]
            try:
                await self.units[name].stop(self.force, self._warn, _all(waits))
            finally:
                over[name].set()

        await asyncio.gather(*(stop(name) for name in names))

    def _warn(self, text: str) -> None:
        self._screen.say(text, "warn")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._screen.say(f"{task.get_name()}: {type(error).__name__}: {error}", "error")
            self.request_stop("internal error", 1)


def _components(plan: Plan, known: Mapping[str, Unit]) -> dict[str, Unit]:
    """Return units for what runs inside containers, ``known`` ones kept; they share their runs."""
    labels = plan.labels()
    found: dict[str, Unit] = {}
    for node in plan.nodes():
        for each in node.components:
            unit = found[each.id] = known.get(each.id) or Unit(each, labels[each.id])
            unit.plan, unit.label = each, labels[each.id]
    return found


async def _all(work: list[Coroutine[Any, Any, Any]]) -> None:
    await asyncio.gather(*work)


def _how(code: int) -> str:
    return f"with code {code}"
