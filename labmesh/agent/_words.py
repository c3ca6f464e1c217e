"""What an operator and an agent say to each other: arguments and answers of its services."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from labmesh.agent._bundle import MAX_PACKED
from messages.model import Count, Flag, Model, Name

Packed = Annotated[str, StringConstraints(strict=True, max_length=MAX_PACKED)]


class StartArguments(Model):
    """A bundle to launch."""

    bundle: Packed = Field(description="from labmesh.agent.Bundle.pack")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="values for the launch file's arguments"
    )
    check: Flag = Field(default=False, description="check everything, start nothing")


class ProcessArguments(Model):
    """A process of the launch."""

    process: Annotated[str, StringConstraints(pattern=r"^([a-z0-9_/-]{1,65})?$")] = Field(
        default="", description="its name or site/name; empty for the whole launch"
    )


class LogArguments(Model):
    """Which lines of which log."""

    process: Annotated[str, StringConstraints(pattern=r"^([a-z0-9_-]{1,65})?$")] = Field(
        default="", description="label of a process; empty for the launch itself"
    )
    lines: Annotated[int, Field(ge=1, le=500)] = 50


class ProcessSeen(Model, extra="ignore"):
    """One process of a launch, as the launch tells it."""

    id: str
    label: str = ""
    kind: str = "node"
    state: str = ""
    pid: Count | None = None
    restarts: Count = 0
    last_line: str = ""
    exit_code: int | None = None


class AgentStatus(Model):
    """How the launch of a site fares."""

    site: Name
    state: str = Field(description="running, starting, stopping, stopped or failed")
    file: str = Field(default="", description="the launch file's path within its bundle")
    bundle: str = Field(default="", description="sha256 of what was sent; empty when never")
    operator: str = Field(default="", description="who sent it")
    pid: Count | None = None
    reason: str = Field(default="", description="the last words of a launch that has ended")
    processes: tuple[ProcessSeen, ...] = ()


class LogLines(Model):
    """The last lines of a log, oldest first."""

    file: str = ""
    lines: tuple[str, ...] = ()
