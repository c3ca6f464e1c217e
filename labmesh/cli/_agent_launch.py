"""Launching one file at all of its sites, through their agents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from labmesh.agent import AgentStatus, Bundle
from labmesh.cli._agents import Agents, SiteAnswer
from labmesh.cli._output import Output
from labmesh.launch import ExecutableProcess, NodeProcess, Plan, World, load_plan
from messages.errors import LabmeshError

_PERIOD: Final = 0.5
_UP: Final = ("active", "exited", "running")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A launch file made ready for agents: its plan, and everything it reads."""

    plan: Plan
    bundle: Bundle
    arguments: dict[str, Any]

    @property
    def sites(self) -> list[str]:
        """The sites it has processes for, sorted."""
        return sorted({process.site for process in self.plan.processes()})

    def as_arguments(self, *, check: bool = False) -> dict[str, Any]:
        """Return the arguments of ``agent.start``."""
        return {"bundle": self.bundle.pack(), "arguments": self.arguments, "check": check}


def pack(file: Path, arguments: Mapping[str, Any], extra: Iterable[Path] = ()) -> Parcel:
    """Read a launch file and what it includes.

    What is installed is not looked for: that is another machine's matter, and its agent's.

    Args:
        file: The launch file.
        arguments: Values for its arguments.
        extra: Further files that its nodes read, to lie beside it.

    Raises:
        LaunchError: It has mistakes.
        ConfigurationError: It is too large for a bundle, or a file cannot be read.
    """
    world = World()
    plan = load_plan(file, arguments, world=world, check=False)
    return Parcel(plan, Bundle.collect(world.files[0], [*world.files, *extra]), dict(arguments))


@dataclass(slots=True)
class Launching:
    """One launch over several sites, from the check to the last process that is up.

    Attributes:
        trouble: By site, why it does not run there.
    """

    agents: Agents
    parcel: Parcel
    out: Output
    trouble: dict[str, LabmeshError] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    async def check(self, sites: Iterable[str]) -> list[str]:
        """Let every site check its part; return those that could start it."""
        return self._sound(
            await self.agents.ask_all(
                sites, "agent.start", self.parcel.as_arguments(check=True), patience=60.0
            )
        )

    async def start(self, sites: Iterable[str]) -> list[str]:
        """Let sites start their parts; return those that do."""
        return self._sound(
            await self.agents.ask_all(
                sites, "agent.start", self.parcel.as_arguments(), patience=60.0
            )
        )

    async def stop(self, sites: Iterable[str]) -> None:
        """Take back what was started."""
        await self.agents.ask_all(sites, "agent.stop")

    async def until_up(self, sites: Iterable[str], patience: float) -> list[AgentStatus]:
        """Say what becomes active, until everything is or cannot be; return the last look."""
        deadline = asyncio.get_running_loop().time() + patience
        left = set(sites)
        last: dict[str, AgentStatus] = {}
        while left:
            for answer in await self.agents.ask_all(sorted(left), "agent.status"):
                status = answer.status
                if status is None:
                    continue  # a site may be out of reach for a moment
                last[answer.site] = status
                self._say_news(status)
                if (why := self._ended(status)) is not None:
                    self._lost(status.site, LabmeshError(f"{status.site}: {why}"))
                    left.discard(status.site)
                elif status.state == "running" and not self._missing(status):
                    left.discard(status.site)
            if asyncio.get_running_loop().time() > deadline:
                break
            if left:
                await asyncio.sleep(_PERIOD)
        for site in sorted(left):
            missing = ", ".join(self._missing(last[site])) if site in last else "its agent"
            self._lost(
                site,
                LabmeshError(
                    f"{site}: not up within {patience:g} s: {missing}",
                    remedy=f"labmesh agent status {site}, labmesh agent log {site}",
                ),
            )
        return [last[site] for site in sorted(last)]

    def _missing(self, status: AgentStatus) -> list[str]:
        """Return what is not yet as it shall be; what timers and handlers begin is not awaited."""
        states = {each.id: each.state for each in status.processes}
        return [
            process.id
            for process in self.parcel.plan.steps
            if isinstance(process, NodeProcess | ExecutableProcess)
            and process.site == status.site
            and not self._is_up(process, states.get(process.id, "waiting"))
        ]

    def _is_up(self, process: object, state: str) -> bool:
        if isinstance(process, NodeProcess) and not process.autostart:
            return state in (*_UP, "unconfigured", "inactive")
        return state in _UP

    def _ended(self, status: AgentStatus) -> str | None:
        if status.state in ("failed", "stopped"):
            return f"the launch has ended: {status.reason or 'it was stopped'}"
        failed = [each for each in status.processes if each.state == "failed"]
        if failed:
            return f"{failed[0].id} has failed: {failed[0].last_line or failed[0].exit_code}"
        return None

    def _say_news(self, status: AgentStatus) -> None:
        for process in status.processes:
            if self._shown.get(process.id) == process.state:
                continue
            self._shown[process.id] = process.state
            if process.state in (*_UP, "failed", "respawning") and not self.out.as_json:
                words = (
                    f": {process.last_line}" if process.state in ("failed", "respawning") else ""
                )
                self.out.text(f"{process.id} is {process.state}{words}")

    def _sound(self, answers: Iterable[SiteAnswer]) -> list[str]:
        sound = []
        for answer in answers:
            if answer.trouble is None:
                sound.append(answer.site)
            else:
                self._lost(answer.site, answer.trouble)
        return sound

    def _lost(self, site: str, error: LabmeshError) -> None:
        self.trouble[site] = error
        text = str(error)
        self.out.remark(text if site in text else f"{site}: {text}")


async def launch_on_agents(
    agents: Agents,
    parcel: Parcel,
    out: Output,
    *,
    sites: Iterable[str] = (),
    check: bool = False,
    all_or_nothing: bool = False,
    patience: float = 120.0,
) -> tuple[list[AgentStatus], dict[str, LabmeshError]]:
    """Check everywhere, start everywhere, wait until all is up.

    Args:
        agents: Those that were found.
        parcel: What to launch.
        out: Gets the news, and each trouble at once.
        sites: Only these; by default all that it has processes for.
        check: Start nothing.
        all_or_nothing: Where one site cannot, none does.
        patience: Wall seconds until everything shall be up.

    Returns:
        How each site fares, and by site what went wrong.
    """
    wanted = sorted(sites) or parcel.sites
    launching = Launching(agents, parcel, out)
    ready = await launching.check(wanted)
    if check or (all_or_nothing and launching.trouble):
        return [], launching.trouble
    started = await launching.start(ready)
    if all_or_nothing and launching.trouble:
        await launching.stop(started)
        return [], launching.trouble
    statuses = await launching.until_up(started, patience)
    if all_or_nothing and launching.trouble:
        await launching.stop(started)
    return statuses, launching.trouble
