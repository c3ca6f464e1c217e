"""What every node says about itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from messages.model import (
    Count,
    JsonObject,
    Message,
    Model,
    Name,
    Nanoseconds,
    NodeName,
    Real,
    Text,
    Unit,
)

Instance = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
"""Tells processes of one identity apart; a node's is always ``0``."""


class Presence(Message, name="Presence", version=1):
    """Whether a process is there; retained, and also its last will.

    The epoch counts the node's boots, so that an old will never buries a newer birth.
    """

    state: Literal["online", "offline", "lost"] = Field(
        description="offline is said in parting, lost is the will"
    )
    epoch: Count
    boot_id: UUID
    instance: Instance
    since: Nanoseconds
    host: Text = ""
    pid: Count = 0


class State(StrEnum):
    """Primary lifecycle states (ROS 2: lifecycle_msgs/State)."""

    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"
    FINALIZED = "finalized"


class Transition(StrEnum):
    """Lifecycle transitions (ROS 2: lifecycle_msgs/Transition)."""

    CONFIGURE = "configure"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    CLEANUP = "cleanup"
    SHUTDOWN = "shutdown"


class Lifecycle(Message, name="Lifecycle", version=1):
    """A node's lifecycle state; retained."""

    state: State
    transition: Transition | None = Field(default=None, description="under way, else None")
    reason: Text = Field(default="", description="why it is not active, for the operator")


class Capabilities(Model):
    """A capability named in a descriptor."""

    quantity: Name
    method: Name
    worker: Literal["instrument", "model"]


class Descriptor(Message, name="Descriptor", version=1):
    """What a node is, publishes, serves and offers; retained."""

    description: Text
    program: Text = Field(description="module:Class")
    version: Text
    publishes: dict[str, str] = Field(description="topic below ~ to message type")
    services: tuple[str, ...]
    capabilities: tuple[Capabilities, ...]
    parameters_schema: JsonObject
    ledger: NodeName | None = None
    simulated: bool = False


class Parameters(Message, name="Parameters", version=1):
    """A node's parameters; retained. ``version`` counts the changes."""

    version: Count
    values: JsonObject


class Level(StrEnum):
    """Diagnostic levels (ROS 2: diagnostic_msgs/DiagnosticStatus)."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"
    STALE = "stale"


class Diagnostic(Message, name="Diagnostic", version=1):
    """How one component fares; retained. ``remedy`` is for the operator at 2 a.m."""

    level: Level
    message: Text
    remedy: Text = ""
    values: JsonObject = Field(default_factory=dict)


class LogRecord(Message, name="LogRecord", version=1):
    """A line of a node's log (levels as in rcl_interfaces/Log)."""

    level: Literal["debug", "info", "warn", "error", "fatal"]
    logger: Text
    text: Annotated[str, Field(max_length=8000)]
    values: JsonObject = Field(default_factory=dict)


class ClockTick(Message, name="ClockTick", version=1):
    """Simulated time: at wall time ``wall`` the mesh's clock showed ``time`` and ran at ``rate``.

    Until the next tick a follower extrapolates; ``rate`` 0 is a pause.
    """

    time: Nanoseconds
    wall: Nanoseconds
    rate: Annotated[Real, Unit("1"), Field(ge=0)]


class Milestone(Message, name="Milestone", version=1):
    """Progress of long work, for whoever watches: one line, and a bar where total is known."""

    task: Text
    done: Count
    total: Count | None = None
    text: Text = ""


class Call(Message, name="Call", version=1):
    """A service call. Its envelope's id correlates the reply."""

    arguments: JsonObject = Field(default_factory=dict)
    instance: Instance = Field(description="where the caller listens for the reply")
    deadline: Nanoseconds = Field(description="wall time after which nobody waits any more")


class CallFailure(Model):
    """Why a call failed."""

    code: Name = Field(
        description="unknown_service, bad_arguments, not_active, refused, failed ..."
    )
    message: Text
    remedy: Text = ""


class Reply(Message, name="Reply", version=1):
    """The answer to a call: a value or a failure."""

    call: UUID
    value: JsonObject | None = None
    failure: CallFailure | None = None


class Problem(Message, name="Problem", version=1):
    """A message that could not be taken, told to its sender on ``~/event/problem``."""

    topic: Text
    sender: NodeName | None = None
    message: UUID | None = None
    reason: Text
