"""What every node says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from messages.model import (
    Count,
    Flag,
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

Seconds = Annotated[Real, Unit("s"), Field(gt=0)]
"""A span of time."""

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


STATE_IDS: Final[Mapping[str, int]] = {
    "unknown": 0, "unconfigured": 1, "inactive": 2, "active": 3, "finalized": 4,
    "configuring": 10, "cleaningup": 11, "shuttingdown": 12, "activating": 13,
    "deactivating": 14, "errorprocessing": 15,
}  # fmt: skip
"""Ids of the primary states and of those on the way (ROS 2: lifecycle_msgs/State)."""


class Lifecycle(Message, name="Lifecycle", version=2):
    """A node's lifecycle state; retained."""

    state: State = Field(description="the primary state: in a transition the one it comes from")
    label: Text = Field(default="", description="what it is in: active, activating ...")
    id: Count = Field(default=0, description="of the label: 1 to 4, on the way 10 to 15")
    transition: Transition | None = Field(default=None, description="under way, else None")
    reason: Text = Field(default="", description="why it is not active, for the operator")

    @model_validator(mode="after")
    def _complete(self) -> Lifecycle:
        """Take the label from the state, and the id from the label, where they are not given."""
        if not self.label:
            object.__setattr__(self, "label", self.state.value)
        if not self.id:
            object.__setattr__(self, "id", STATE_IDS.get(self.label, 0))
        return self


class Capabilities(Model):
    """A capability named in a descriptor."""

    quantity: Name
    method: Name
    worker: Literal["instrument", "model"]


class Published(Model):
    """A stream or retained value that a node publishes, with its quality of service."""

    type: Text = Field(description="message type, Temperature@1")
    qos: Annotated[int, Field(strict=True, ge=0, le=1)] = Field(
        default=0, description="MQTT's: 0 may be lost, 1 arrives while its MQTT broker lives"
    )
    retained: Flag = Field(default=False, description="late joiners get the last one")
    lifespan: Seconds | None = Field(default=None, description="age at which nobody gets it more")
    deadline: Seconds | None = Field(default=None, description="longest time between two")
    liveliness: Seconds | None = Field(
        default=None, description="lease: without ~/beat for so long its publisher is not alive"
    )
    description: Text = ""


class Subscribed(Model):
    """What a node listens to."""

    pattern: Text = Field(description="topic filter without the realm")
    type: Text


class Served(Model):
    """A service of a node."""

    arguments: Text = Field(description="name of the model of its arguments")
    returns: Text = Field(default="", description="name of the model of its value; empty: any map")
    when_inactive: Flag = Field(default=False, description="answers in every lifecycle state")
    description: Text = ""


class Called(Model):
    """A service of another node that a node calls."""

    node: NodeName
    service: Text


class Descriptor(Message, name="Descriptor", version=2):
    """What a node is, publishes, takes, serves and offers; retained.

    What it subscribes to and calls is added as it does so.
    """

    description: Text
    program: Text = Field(description="module:Class")
    version: Text
    publishes: dict[str, Published] = Field(
        description="by topic below ~, with + for a level that varies"
    )
    subscribes: tuple[Subscribed, ...] = ()
    services: dict[str, Served]
    calls: tuple[Called, ...] = ()
    requests: tuple[str, ...] = Field(default=(), description="quantity/method it asks for")
    capabilities: tuple[Capabilities, ...]
    parameters_schema: JsonObject
    ledger: NodeName | None = None
    container: NodeName | None = Field(default=None, description="whose process it runs in")
    simulated: Flag = False


class Schema(Message, name="Schema", version=1):
    """The JSON Schema of a type that its node publishes or takes; retained, never changed."""

    model_config = ConfigDict(serialize_by_alias=True)

    type: Text = Field(description="message type, or the name of a capability's or service's model")
    hash: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")] = Field(
        description="sha256 of the canonical schema, as in envelopes"
    )
    content: JsonObject = Field(alias="schema", description="JSON Schema, draft 2020-12")


class Beat(Message, name="Beat", version=1):
    """A sign of life from the loop that does a node's work.

    Retained, with an expiry of ``lease``: of a node whose work hangs none is to be found.
    """

    lease: Seconds = Field(description="wall seconds within which the next one comes")
    works: Literal["event-loop", "author"] = Field(
        description="what gives the sign: the node's event loop, or its author's own loop"
    )
    published: dict[str, Count] = Field(
        default_factory=dict,
        description="messages since the start by stream, so that a listener knows what it missed",
    )


class NodeEvent(Message, name="NodeEvent", version=1):
    """Something that happened to a node: a transition, a change of parameters, being fenced."""

    kind: Name
    text: Text
    values: JsonObject = Field(default_factory=dict)


class Parameters(Message, name="Parameters", version=2):
    """A node's parameters; retained. ``version`` counts the changes since the node's start."""

    version: Count
    values: JsonObject = Field(description="what is in effect")
    desired: JsonObject = Field(
        default_factory=dict,
        description="what people set at run time, by dotted name; kept for the next start",
    )
    pending: JsonObject = Field(
        default_factory=dict,
        description="what was set but takes effect at the next configure or start only",
    )


class Level(StrEnum):
    """Diagnostic levels (ROS 2: diagnostic_msgs/DiagnosticStatus)."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"
    STALE = "stale"


class Diagnostic(Message, name="Diagnostic", version=2):
    """How one component fares; retained. ``remedy`` is for the operator at 2 a.m."""

    level: Level
    message: Text
    remedy: Text = ""
    values: JsonObject = Field(default_factory=dict)
    reported: Nanoseconds = Field(default=0, description="wall time of this word, 0 if not told")
    stale_after: Seconds | None = Field(
        default=None,
        description="wall seconds after which it says nothing any more; None: it holds until "
        "another word comes",
    )

    def seen_at(self, now: int) -> Diagnostic:
        """Return what a reader shall show at wall time ``now`` (ns): STALE when it is too old."""
        age = (now - self.reported) / 1e9
        if self.stale_after is None or not self.reported or age <= self.stale_after:
            return self
        return self.model_copy(
            update={
                "level": Level.STALE,
                "message": f"no word for {age:.0f} s; the last was {self.level.value}: "
                f"{self.message}"[:4000],
                "remedy": self.remedy or "see whether the node stands still, or the component",
            }
        )


LogLevel = Literal["debug", "info", "warn", "error", "fatal"]
"""Levels of a log, as words in topics and messages."""

LOG_LEVELS: Final[Mapping[LogLevel, int]] = {
    "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50,
}  # fmt: skip
"""Their numbers (ROS 2: rcl_interfaces/Log; Python's logging has the same)."""


class LogRecord(Message, name="LogRecord", version=1):
    """A line of a node's log, on ``~/log/{level}``: QoS 0, from warn on QoS 1."""

    level: LogLevel
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


class HoldClock(Model):
    """Ask the clock node to run no faster than at a rate, for a while."""

    rate: Annotated[Real, Unit("1"), Field(gt=0)]
    seconds: Annotated[Real, Unit("s"), Field(gt=0, le=60)] = Field(
        description="of wall time, after which the hold ends unless it was renewed"
    )


class ClockPace(Model):
    """How fast simulated time runs, and who holds it back."""

    rate: Annotated[Real, Unit("1"), Field(ge=0)]
    wanted: Annotated[Real, Unit("1"), Field(ge=0)] = Field(description="the clock's parameter")
    holds: dict[NodeName, Annotated[Real, Unit("1")]] = Field(description="by who holds it back")


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
