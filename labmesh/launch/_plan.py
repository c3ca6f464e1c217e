"""The resolved plan: pure data, everything decided, nothing started."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from labmesh.launch._problem import Position
from labmesh.launch._world import World

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A process waits until ``process`` is ready.

    Attributes:
        process: As written until resolved, then ``site/name``.
        state: ``started``, ``exited`` (with success), or a lifecycle state. Of a node that this
            launch does not start only its retained lifecycle state is seen: any one is
            ``started``, ``finalized`` is ``exited``.
    """

    process: str
    state: str
    position: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Respawn:
    """Start again after an exit that nobody asked for.

    The n-th restart in a row waits ``delay * 2^(n-1)`` seconds, at most 30 (or ``delay`` where
    that is longer); a run of a minute starts the count anew. ``when`` is ``exit`` for any end, or
    ``killed`` for one by a signal alone: what ended by its own will has said all that it had to.
    """

    delay: float = 1.0
    max_retries: int | None = None
    when: Literal["exit", "killed"] = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What nodes and executables have in common. ``site/name`` identifies it in the plan."""

    name: str
    site: str
    after: tuple[Dependency, ...] = ()
    respawn: Respawn | None = None
    on_exit: Literal["ignore", "shutdown"] = "ignore"
    env: Mapping[str, str] = field(default_factory=dict)
    output: Literal["screen", "log", "both"] = "both"
    position: Position

    @property
    def id(self) -> str:
        """``site/name``."""
        return f"{self.site}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProcess(Process):
    """A node.

    Attributes:
        parameters: Those of the scope, of its file and of the launch file together.
        remap: The node (``site/name``) that each logical name stands for.
        container: The container node (``site/name``) in whose process it runs, if any. It is then
            among that node's ``components`` and no step of its own.
        components: The nodes that run in this one's process.
    """

    run: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ledger: str | None = None
    clock: str | None = None
    remap: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    components: tuple[NodeProcess, ...] = ()
    autostart: bool = True
    run_position: Position
    container_position: Position | None = field(default=None, repr=False, compare=False)
    remap_where: Mapping[str, Position] = field(default_factory=dict, repr=False, compare=False)
    where: Mapping[Path_, Position] = field(default_factory=dict, repr=False, compare=False)
    partial: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutableProcess(Process):
    """Any program. ``cwd`` is absolute."""

    command: tuple[str, ...]
    cwd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStep:
    """Write a line."""

    message: str
    level: str = "info"
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerStep:
    """Take steps ``delay`` wall seconds later."""

    delay: float
    steps: tuple[Step, ...]
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerStep:
    """Take steps when something happens to ``process`` (``site/name``), or to the launch.

    Attributes:
        event: ``start``: it has started. ``exit``: it has exited for good. ``output``: it has
            written a line in which the regular expression ``what`` occurs. ``state``: the node has
            come into the lifecycle state ``what``. ``shutdown``: the launch is about to end, and
            ``process`` is empty.
    """

    event: Literal["start", "exit", "output", "state", "shutdown"]
    process: str
    what: str = ""
    site: str
    steps: tuple[Step, ...]
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownStep:
    """End the launch."""

    reason: str = ""
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionStep:
    """Ask ``node`` (``site/name``) for a lifecycle transition."""

    node: str
    transition: str
    site: str
    position: Position


Step = (
    NodeProcess
    | ExecutableProcess
    | LogStep
    | TimerStep
    | HandlerStep
    | TransitionStep
    | ShutdownStep
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridging:
    """How a site's embedded MQTT broker is bridged to the hub's.

    Attributes:
        hub: The hub's site.
        url: Where the hub is, unless this launch starts it.
        account: The account file of the bridge there.
        peers: The other sites of the plan.
        streams: ``site/node/stream`` of all streams that cross, of every site.
    """

    hub: str
    url: str | None = None
    account: Path | None = None
    peers: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The MQTT broker of ``site``'s nodes, or of everybody's (None). No ``url``: embedded.

    ``account`` is an account file, or a folder of them: see `labmesh.launch._accounts`.
    ``bridged`` are the sites whose MQTT brokers are bridged to this one, ``streams`` those of its
    own site that cross, as ``site/node/stream``.
    """

    site: str | None = None
    url: str | None = None
    account: Path | None = None
    port: int = 0
    bridging: Bridging | None = None
    bridged: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A declared argument of the main file and the value it has in this plan.

    ``given`` tells whether the value was given, rather than the default taken.
    """

    name: str
    value: Any
    description: str = ""
    type: str = "text"
    choices: tuple[Any, ...] = ()
    required: bool = False
    given: bool = False
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a launch will do. ``world`` is what its file saw outside itself."""

    file: Path
    realm: str
    site: str
    arguments: tuple[Argument, ...]
    brokers: tuple[Broker, ...]
    steps: tuple[Step, ...]
    world: World = field(default_factory=World, repr=False, compare=False)

    def processes(self) -> Iterator[NodeProcess | ExecutableProcess]:
        """Yield every process, also those in timers and handlers."""
        yield from (step for step in walk(self.steps) if isinstance(step, Process))

    def nodes(self) -> Iterator[NodeProcess]:
        """Yield every node, those inside a container after it."""
        for process in self.processes():
            if isinstance(process, NodeProcess):
                yield process
                yield from process.components

    def broker_of(self, site: str) -> Broker | None:
        """Return the MQTT broker of a site's nodes."""
        own = (broker for broker in self.brokers if broker.site == site)
        shared = (broker for broker in self.brokers if broker.site is None)
        return next(own, None) or next(shared, None)

    def labels(self) -> dict[str, str]:
        """Return what each process and component is called: its name where that is unique."""
        inside = [component for node in self.nodes() for component in node.components]
        ids = [process.id for process in (*self.processes(), *inside)]
        names = [process.name for process in (*self.processes(), *inside)]
        return {
            known: name if names.count(name) == 1 else known
            for known, name in zip(ids, names, strict=True)
        }

    def at_site(self, site: str) -> Plan:
        """Return the part of the plan that belongs to ``site``."""
        return dataclasses.replace(
            self,
            site=site,
            brokers=tuple(b for b in self.brokers if b is self.broker_of(site)),
            steps=tuple(_at_site(self.steps, site)),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, passwords masked."""
        return {
            "file": str(self.file),
            "realm": self.realm,
            "site": self.site,
            "arguments": {argument.name: argument.value for argument in self.arguments},
            "brokers": [
                {
                    "site": broker.site,
                    "embedded": broker.url is None,
                    **({"url": masked(broker.url)} if broker.url else {"port": broker.port}),
                    **({"account": str(broker.account)} if broker.account else {}),
                    **(_bridging_dict(broker.bridging) if broker.bridging else {}),
                }
                for broker in self.brokers
            ],
            "steps": [step_dict(step) for step in self.steps],
        }


_NOT_DATA: Final = frozenset(
    {"position", "run_position", "container_position", "remap_where", "where", "partial"}
)


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step, those inside timers and handlers after these."""
    for step in steps:
        yield step
        if isinstance(step, TimerStep | HandlerStep):
            yield from walk(step.steps)


def _bridging_dict(bridging: Bridging) -> dict[str, Any]:
    return {
        "bridge": bridging.hub,
        "hub_url": masked(bridging.url) if bridging.url else None,
        "hub_account": str(bridging.account) if bridging.account else None,
        "peers": list(bridging.peers),
        "streams": list(bridging.streams),
    }


def masked(url: str) -> str:
    """Return ``url`` with its password masked."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def _at_site(steps: tuple[Step, ...], site: str) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, TimerStep | HandlerStep):
            inner = tuple(_at_site(step.steps, site))
            foreign = isinstance(step, HandlerStep) and step.site != site
            if inner and not foreign:
                yield dataclasses.replace(step, steps=inner)
        elif not isinstance(step, Process | TransitionStep) or step.site == site:
            yield step


def step_dict(step: Step) -> dict[str, Any]:
    """Return a step as plain data: all that matters of it, and not where it stands."""
    kind = {
        NodeProcess: "node",
        ExecutableProcess: "executable",
        LogStep: "log",
        TimerStep: "timer",
        HandlerStep: "handler",
        TransitionStep: "transition",
        ShutdownStep: "shutdown",
    }[type(step)]
    plain: dict[str, Any] = {"action": kind}
    for item in dataclasses.fields(step):
        value = getattr(step, item.name)
        if item.name in _NOT_DATA:
            continue
        if item.name == "steps":
            value = [step_dict(inner) for inner in value]
        elif item.name == "after":
            value = {dependency.process: dependency.state for dependency in value}
        elif isinstance(value, Respawn):
            value = dataclasses.asdict(value)
        elif item.name == "components":
            value = [step_dict(component) for component in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        plain[item.name] = value
    return plain
