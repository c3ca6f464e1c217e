"""Control of the processes of a running launch: restart some, or go over to another plan."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from labmesh.launch._calls import NodeCaller
from labmesh.launch._difference import Difference, difference, refuse
from labmesh.launch._plan import NodeProcess, Plan
from labmesh.launch._ports import ports_of
from labmesh.launch._problem import LaunchError, Problems, did_you_mean
from labmesh.launch._recheck import Question, recheck
from labmesh.launch._screen import Screen
from labmesh.launch._serve import Request
from labmesh.launch._supervisor import Supervisor
from messages.errors import ConfigurationError, LabmeshError


class Changer:
    """Takes requests for change, one after the other.

    Args:
        plan: The whole plan, of all sites.
        only_site: The site whose part runs, None for all.
        supervisor: Runs it.
        screen: Takes what is done.
        caller: Calls its nodes.
        follow: Awaited with the part that will run before anything of it starts: to be ready for
            nodes where there were none.
        changed: Called with the new whole plan and the part that runs now.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        only_site: str | None,
        supervisor: Supervisor,
        screen: Screen,
        caller: NodeCaller,
        follow: Callable[[Plan], Awaitable[None]],
        changed: Callable[[Plan, Plan], None],
    ) -> None:
        self._plan = plan
        self._only_site = only_site
        self._supervisor = supervisor
        self._screen = screen
        self._caller = caller
        self._follow = follow
        self._changed = changed
        self._turn = asyncio.Lock()

    async def restart(self, request: Request) -> dict[str, Any]:
        """Serve ``restart``; see `labmesh.launch.control`."""
        async with self._turn:
            self._check_begun()
            wanted = request.get("processes")
            if not isinstance(wanted, list) or not wanted:
                raise ConfigurationError("name the processes to restart")
            names = [self._find(str(name)) for name in wanted]
            if request.get("with_dependants"):
                names += self._dependants(names)
            names = list(dict.fromkeys(names))
            units = self._supervisor.units
            self._screen.say(f"restarting {', '.join(units[name].label for name in names)}")
            await self._supervisor.restart(names)
            return {"restarted": names}

    async def reload(self, request: Request) -> dict[str, Any]:
        """Serve ``reload``; see `labmesh.launch.control`."""
        async with self._turn:
            self._check_begun()
            old = self._plan
            file, arguments = request.get("file"), request.get("arguments")
            found = await recheck(
                Question(
                    file=Path(str(file)) if file else old.file,
                    kept={a.name: a.value for a in old.arguments if a.given},
                    arguments=arguments if isinstance(arguments, dict) else {},
                    world=old.world,
                    only_site=self._only_site,
                    held=ports_of(old),
                )
            )
            if found.plan is None:
                raise LaunchError(found.problems)
            before, after = self._part(old), self._part(found.plan)
            problems = Problems()
            refuse(before, after, problems)
            problems.raise_if_any()
            todo = difference(before, after, found.takes)
            notes = [str(warning) for warning in found.warnings]
            if not request.get("dry_run"):
                self._screen.say(f"reloading {found.plan.file}: {in_words(todo)}")
                await self._follow(after)
                todo = await self._set(todo, notes)
                await self._supervisor.change(after, todo)
                self._plan = found.plan
                self._changed(found.plan, after)
            return {
                "file": str(found.plan.file),
                **todo.as_dict(),
                "applied": not request.get("dry_run"),
                "warnings": notes,
            }

    def _check_begun(self) -> None:
        if self._supervisor.stopping:
            raise ConfigurationError("the launch is stopping")
        if not self._supervisor.begun:
            raise ConfigurationError("the launch is still starting", remedy="try again")

    def _part(self, plan: Plan) -> Plan:
        return plan.at_site(self._only_site) if self._only_site else plan

    def _find(self, name: str) -> str:
        units = self._supervisor.units
        site = self._part(self._plan).site
        if "/" not in name and f"{site}/{name}" in units:
            return f"{site}/{name}"
        found = [known for known, unit in units.items() if name in (known, unit.plan.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigurationError(
                f"there are several processes {name!r}", remedy=f"say which: {', '.join(found)}"
            )
        raise ConfigurationError(
            f"no process {name!r} in this launch",
            remedy=did_you_mean(name, [unit.plan.name for unit in units.values()]),
        )

    def _dependants(self, names: Iterable[str]) -> list[str]:
        """Return those that come after ``names``, directly or not, and have begun."""
        found = list(names)
        for name in found:
            for known, unit in self._supervisor.units.items():
                after = {dependency.process for dependency in unit.plan.after}
                if name in after and known not in found and unit.task is not None:
                    found.append(known)
        return found

    async def _set(self, todo: Difference, notes: list[str]) -> Difference:
        """Set the parameters that can be set now; the others' nodes are to be restarted."""
        failed: list[NodeProcess] = []
        for node, changes in todo.set:
            unit = self._supervisor.units[node.id]
            if not unit.running:
                continue  # it reads them when it starts
            try:
                await self._caller.set_parameters(node.id, changes)
            except LabmeshError as error:
                notes.append(f"{unit.label} is restarted: {error}")
                self._screen.say(notes[-1], "warn")
                failed.append(node)
        done = tuple(pair for pair in todo.set if pair[0] not in failed)
        return dataclasses.replace(todo, set=done, restart=(*todo.restart, *failed))


def in_words(todo: Difference) -> str:
    """Return a difference as one line."""
    parts = [
        ("stop", todo.stop),
        ("start", _ids(todo.start)),
        ("restart", _ids(todo.restart)),
        ("set parameters of", _ids(node for node, _ in todo.set)),
        ("watch anew", _ids(todo.adopt)),
    ]
    said = [f"{what} {', '.join(names)}" for what, names in parts if names]
    return "; ".join(said) or ("other steps" if not todo.empty else "nothing to do")


def _ids(processes: Iterable[Any]) -> Collection[str]:
    return [process.id for process in processes]
