"""The agent: the node of a lab machine through which operators launch there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from labmesh.agent._bundle import Bundle
from labmesh.agent._site_launch import SiteLaunch
from labmesh.agent._words import (
    AgentStatus,
    LogArguments,
    LogLines,
    ProcessArguments,
    ProcessSeen,
    StartArguments,
)
from labmesh.node import NoArguments, Node, NodeParameters, parameter, service
from messages.envelope import Header
from messages.errors import CallRefusedError, LabmeshError
from messages.model import JsonObject
from messages.node import Level

_WATCH_SECONDS: Final = 1.0
_LINE: Final = 400
_LOG_BYTES: Final = 60_000
_SEEN: Final = 300
"""Processes in one answer; each takes some hundred bytes of `labmesh.calls.REPLY_LIMIT`."""


class AgentParameters(NodeParameters):
    """Parameters of an agent: what it accepts.

    All are read-only: who may set parameters over the mesh shall not widen that. ``operators`` are
    its own site's ``cli`` unless named.
    """

    executables: bool = parameter(
        False, read_only=True,
        description="take launch files with executable actions: any program",
    )  # fmt: skip
    programs: tuple[str, ...] = parameter(
        (), read_only=True, description="installed nodes that may run; empty: all of them"
    )
    modules: bool = parameter(
        False, read_only=True,
        description="run module:Class, too: any code that can be imported",
    )  # fmt: skip
    environment: tuple[str, ...] = parameter(
        (), read_only=True, description="environment variables that a launch file may set"
    )
    accounts: str = parameter(
        "", read_only=True,
        description="folder of account files, one a node, or one file for all; empty: as the "
        "launch file says",
    )  # fmt: skip
    leave_running: bool = parameter(
        False, read_only=True, description="the launch outlives the agent's regular end, too"
    )


class AgentNode(Node[AgentParameters]):
    """Starts, stops and watches the launch of one site for operators elsewhere."""

    Parameters = AgentParameters

    async def on_configure(self) -> None:
        """Read what shall run here."""
        named = self.parameters.operators or (f"{self.id.site}/cli",)
        self._running.server.operators = frozenset(named)
        values = self.parameters
        self._launch = SiteLaunch(
            self.id.site,
            folder=self.data_dir,
            data_dir=self.options.data_dir,
            limits={
                "executables": values.executables,
                "programs": values.programs,
                "modules": values.modules,
                "environment": values.environment,
            },
            accounts=Path(values.accounts) if values.accounts else None,
            log=self.log,
        )

    async def on_activate(self) -> None:
        """Find the launch again, or begin it where it shall run."""
        self._keeping = self.spawn(self._launch.keep(), name="launch")
        self._telling = self.spawn(self._tell(), name="tell")

    async def on_deactivate(self) -> None:
        """End the launch, unless it may outlive the agent."""
        self._telling.cancel()
        await self._launch.leave(end=not self.parameters.leave_running)
        self._keeping.cancel()

    @service("agent.start")
    async def start(self, arguments: StartArguments, header: Header) -> AgentStatus:
        """Launch a bundle; only check it where ``check`` says so."""
        bundle = Bundle.unpack(arguments.bundle)
        if arguments.check:
            await self._launch.check(bundle, arguments.arguments)
        else:
            self.log.info("asked to start", operator=header.sender, file=bundle.main)
            await self._launch.start(bundle, dict(arguments.arguments), header.sender)
        return await self._status()

    @service("agent.stop")
    async def stop(self, arguments: NoArguments, header: Header) -> AgentStatus:
        """End the launch; asked again, hurry."""
        self.log.info("asked to stop", operator=header.sender)
        await self._launch.stop()
        return await self._status()

    @service("agent.restart")
    async def restart(self, arguments: ProcessArguments, header: Header) -> JsonObject:
        """Start one process anew, or the whole launch (which takes its time: see the status)."""
        self.log.info("asked to restart", operator=header.sender, process=arguments.process)
        if arguments.process:
            return {"restarted": await self._launch.restart(arguments.process)}
        if not self._launch.record.bundle:
            raise CallRefusedError("nothing was ever launched here")
        self.spawn(self._restart_all(), name="restart")
        return {"restarted": [self.id.site]}

    @service("agent.reload")
    async def reload(self, arguments: StartArguments, header: Header) -> JsonObject:
        """Give the running launch another bundle; what has not changed goes on undisturbed."""
        bundle = Bundle.unpack(arguments.bundle)
        self.log.info("asked to reload", operator=header.sender, file=bundle.main)
        return await self._launch.reload(bundle, dict(arguments.arguments), header.sender)

    @service("agent.status")
    async def status(self, arguments: NoArguments) -> AgentStatus:
        """Tell how the launch fares."""
        return await self._status()

    @service("agent.log")
    async def log_lines(self, arguments: LogArguments) -> LogLines:
        """Return the last lines of the launch, or of one of its processes."""
        return await asyncio.to_thread(self._lines, arguments)

    async def _restart_all(self) -> None:
        await self._launch.restart("")

    async def _status(self) -> AgentStatus:
        state, found = await self._launch.state()
        record, ours = self._launch.record, self._launch.is_ours(found)
        processes = [
            ProcessSeen.model_validate(each) for each in (found or {}).get("processes", ())
        ]
        return AgentStatus(
            site=self.id.site,
            state=state,
            file=record.main if ours or found is None else found["file"],
            bundle=record.bundle if ours else "",
            operator=record.operator if ours else "",
            pid=(found or {}).get("pid"),
            reason=record.reason,
            processes=tuple(
                each.model_copy(update={"last_line": each.last_line[:_LINE]})
                for each in processes[:_SEEN]
            ),
        )

    def _lines(self, arguments: LogArguments) -> LogLines:
        file: Path | None = None
        if arguments.process:
            runs = sorted((self._launch.data_dir / "runs").glob("*/"))
            file = runs[-1] / f"{arguments.process}.log" if runs else None
            if file is None or not file.is_file():
                known = sorted(each.stem for each in runs[-1].glob("*.log")) if runs else []
                raise CallRefusedError(
                    f"the last launch has no log of {arguments.process!r}",
                    remedy=f"there are {', '.join(known)}" if known else "",
                )
        lines = self._launch.tail(arguments.lines, file)
        while sum(len(line.encode()) + 5 for line in lines) > _LOG_BYTES:
            lines = [line[: _LOG_BYTES // 2] for line in lines[1:] or lines]
        return LogLines(file=str(file or self._launch.output_file), lines=tuple(lines))

    async def _tell(self) -> None:
        """Keep a diagnostic that says how the launch fares, for who asks nobody."""
        remedy = f"labmesh agent log {self.id.site}"
        while True:
            record = self._launch.record
            try:
                state, found = await self._launch.state()
            except LabmeshError as error:
                self.diagnose("launch", Level.ERROR, str(error), remedy=remedy)
            else:
                if state == "failed":
                    text = f"the launch has ended: {record.reason}"
                    self.diagnose("launch", Level.ERROR, text, remedy=remedy)
                else:
                    text = f"{record.main} is {state}" if record.main else "nothing was launched"
                    count = len((found or {}).get("processes", ()))
                    self.diagnose("launch", Level.OK, text, processes=count)
            await asyncio.sleep(_WATCH_SECONDS)
