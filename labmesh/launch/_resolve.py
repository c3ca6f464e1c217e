"""From the tree of entities to the plan: evaluates, includes, scopes, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from labmesh.launch import _entities as entities
from labmesh.launch._arguments import declare_argument
from labmesh.launch._bridges import join_bridges, read_bridging, read_streams
from labmesh.launch._components import fold
from labmesh.launch._declare import Entity
from labmesh.launch._document import Value
from labmesh.launch._handlers import handler_step
from labmesh.launch._inherited import Inherited
from labmesh.launch._names import resolve_names
from labmesh.launch._parse import LaunchFile, parse_file, shown_path
from labmesh.launch._plan import (
    Argument,
    Broker,
    LogStep,
    Plan,
    ShutdownStep,
    Step,
    TimerStep,
    TransitionStep,
)
from labmesh.launch._problem import COMMAND_LINE, Position, Problems, did_you_mean
from labmesh.launch._processes import executable_process, node_process
from labmesh.launch._python import PYTHON, read_python
from labmesh.launch._read import Reader
from labmesh.launch._substitute import POISON, Scope
from labmesh.launch._world import World
from labmesh.launch.actions import Context
from messages.errors import NameInvalidError
from messages.ids import check_name
from messages.topics import DEFAULT_REALM

DEFAULT_SITE: Final = "lab"
MAX_DEPTH: Final = 20
"""Deepest nesting of includes."""

T = TypeVar("T", bound=Entity)


def resolve(
    path: Path, arguments: Mapping[str, Any], problems: Problems, world: World | None = None
) -> Plan | None:
    """Return the plan of the launch file at ``path``, as far as its mistakes allow.

    Args:
        path: The launch file.
        arguments: Values for its arguments; a text is read as the argument's type.
        problems: Takes every mistake. The plan is fit to run only when there is none.
        world: What the file sees outside itself.
    """
    world = world or World()
    path = path.resolve()
    world.files.append(path)
    parsed = _read(path, problems, world)
    if parsed is None:
        return None
    return _Resolver(world, problems).resolve(parsed, arguments)


@dataclass(slots=True)
class _Frame:
    """One launch file under resolution: its declared arguments and where given ones come from."""

    given: dict[str, Any]
    where: Mapping[str, Position]
    caller: Position
    files: tuple[Path, ...]
    arguments: dict[str, Argument] = field(default_factory=dict)


class _Resolver:
    def __init__(self, world: World, problems: Problems) -> None:
        self._world = world
        self._problems = problems
        self._brokers: list[Broker] = []
        self._inherited: list[Inherited] = []
        self._frame = _Frame({}, {}, COMMAND_LINE, ())

    def resolve(self, parsed: LaunchFile, arguments: Mapping[str, Any]) -> Plan:
        scope = Scope(self._world, parsed.path.parent, DEFAULT_SITE)
        reader = Reader(scope, self._problems)
        self._frame = _Frame(dict(arguments), {}, COMMAND_LINE, (parsed.path,))
        parsed = self._run(parsed, scope)
        head, rest = _head(parsed.actions)
        self._steps(head, scope)
        realm = self._name(parsed.realm, "realm", reader) or DEFAULT_REALM
        scope.site = self._name(parsed.site, "site", reader) or DEFAULT_SITE
        steps = self._steps(rest, scope)
        self._check_given(parsed.shown)
        for inherited in self._inherited:
            inherited.check(self._problems)
        return Plan(
            file=parsed.path,
            realm=realm,
            site=scope.site,
            arguments=tuple(self._frame.arguments.values()),
            brokers=join_bridges(self._brokers, steps),
            steps=fold(resolve_names(steps, self._problems), self._problems),
            world=self._world,
        )

    def _run(self, parsed: LaunchFile, scope: Scope) -> LaunchFile:
        """Return a launch file in Python as it is in its scope; one in YAML as it was."""
        if parsed.program is None:
            return parsed
        reader = Reader(scope, self._problems)

        def declare(entity: entities.Arg) -> Any:
            self._declaration(entity, scope, reader)
            name = reader.text(entity.name, "name") or ""
            return scope.variables.get(name, POISON)

        environment = {**self._world.environment, **scope.environment}
        return parsed.program(Context(scope.folder, environment, declare, scope.variables))

    def _steps(self, actions: tuple[Entity, ...], scope: Scope) -> tuple[Step, ...]:
        return tuple(step for entity in actions for step in self._step(entity, scope))

    def _step(self, entity: Entity, scope: Scope) -> tuple[Step, ...]:
        reader = Reader(scope, self._problems)
        if not self._wanted(entity, reader):
            return ()
        at = entity.position
        match entity:
            case entities.Include():
                return self._include(entity, scope, reader)
            case entities.Group():
                inner = scope.child()
                if site := self._name(entity.site, "site", reader):
                    inner.site = inner.own_site = site
                return self._steps(entity.actions, inner)
            case entities.Node():
                return (node_process(entity, reader),)
            case entities.Executable():
                return (executable_process(entity, reader),)
            case entities.Timer():
                delay = reader.number(entity.delay, "delay") or 0.0
                steps = self._steps(entity.actions, scope.child())
                return (TimerStep(delay=delay, steps=steps, position=at),)
            case entities.Log():
                message = reader.text(entity.message, "message") or ""
                level = reader.text(entity.level, "level", entities.LEVELS) or "info"
                return (LogStep(message=message, level=level, position=at),)
            case (
                entities.OnProcessStart()
                | entities.OnProcessExit()
                | entities.OnProcessIO()
                | entities.OnStateTransition()
                | entities.OnShutdown()
            ):
                steps = self._steps(entity.actions, scope.child())
                handler = handler_step(entity, steps, reader)
                return steps if handler is None else (handler,)
            case entities.RequestTransition():
                node = reader.text(entity.node, "node")
                to = reader.text(entity.to, "to", entities.TRANSITIONS)
                if node is None or to is None:
                    return ()
                where = entity.node.position
                return (TransitionStep(node=node, transition=to, site=scope.site, position=where),)
            case entities.Shutdown():
                reason = reader.text(entity.reason, "reason") or ""
                return (ShutdownStep(reason=reason, position=at),)
        self._declaration(entity, scope, reader)
        return ()

    def _declaration(self, entity: Entity, scope: Scope, reader: Reader) -> None:
        """Take an action that makes no step but changes the scope."""
        match entity:
            case entities.Arg():
                frame = self._frame
                argument = declare_argument(
                    entity,
                    reader,
                    given=frame.given,
                    where=frame.where,
                    caller=frame.caller,
                    known=frame.arguments,
                )
                if argument is not None:
                    frame.arguments[argument.name] = argument
                    scope.variables[argument.name] = argument.value
            case entities.Let():
                name = reader.text(entity.name, "name")
                if name is not None:
                    scope.variables[name] = reader.any(entity.value)
            case entities.SetEnv():
                scope.environment.update(self._variable(entity, reader))
            case entities.SetParameter():
                name, value = reader.text(entity.name, "name"), reader.any(entity.value)
                if name is not None:
                    at, value_at = entity.name.position, entity.value.position
                    scope.parameters[name] = Inherited(name, value, at, value_at)
                    self._inherited.append(scope.parameters[name])
            case entities.MqttBroker():
                self._broker(entity, scope, reader)

    def _variable(self, entity: entities.SetEnv, reader: Reader) -> dict[str, str]:
        name = reader.text(entity.name, "name")
        value = reader.scalar(entity.value, "value")
        if name is None or value is POISON:
            return {}
        return {name: "" if value is None else str(value)}

    def _wanted(self, entity: Entity, reader: Reader) -> bool:
        if reader.boolean(entity.if_, "if") is False:
            return False
        return reader.boolean(entity.unless, "unless") is not True

    def _include(self, entity: entities.Include, scope: Scope, reader: Reader) -> tuple[Step, ...]:
        path = reader.path(entity.file, "include file")
        given, where = reader.values(entity.args, "args")
        if path is None:
            self._problems.incomplete = True
            return ()
        outer = self._frame
        if path in outer.files or len(outer.files) >= MAX_DEPTH:
            circle = " -> ".join(file.name for file in (*outer.files, path))
            self._problems.add(entity.file.position, f"include goes in a circle: {circle}")
            return ()
        parsed = _read(path, self._problems, self._world, named=entity.file.position)
        if parsed is None:
            self._problems.incomplete = True
            return ()
        inner = Scope(
            self._world,
            path.parent,
            scope.site,
            scope.own_site,
            environment=dict(scope.environment),
            parameters=dict(scope.parameters),
        )
        places = {str(key[0]): at for key, at in where.items() if len(key) == 1}
        self._frame = _Frame(given, places, entity.position, (*outer.files, path))
        parsed = self._run(parsed, inner)
        head, rest = _head(parsed.actions)
        self._steps(head, inner)
        if site := self._name(parsed.site, "site", Reader(inner, self._problems)):
            inner.site = site
        steps = self._steps(rest, inner)
        self._check_given(parsed.shown)
        self._frame = outer
        return steps

    def _check_given(self, shown: str) -> None:
        frame = self._frame
        for name in frame.given.keys() - frame.arguments.keys():
            self._problems.add(
                frame.where.get(name, COMMAND_LINE),
                f"{shown} has no argument {name!r}",
                did_you_mean(name, frame.arguments) or "it takes none",
            )

    def _broker(self, entity: entities.MqttBroker, scope: Scope, reader: Reader) -> None:
        raw = reader.scalar(entity.embedded, "embedded")
        embedded = raw in (True, "embedded", "true")
        url = reader.text(entity.url, "url")
        port = reader.integer(entity.port, "port")
        account = reader.path(entity.account, "account", secret=True)
        at = entity.position
        if raw not in (None, False, "", POISON) and not embedded and entity.embedded is not None:
            self._problems.add(
                entity.embedded.position,
                f"an MQTT broker cannot be {raw!r}",
                "write mqtt_broker: embedded, or mqtt_broker: {url: mqtt://host:port}",
            )
        elif embedded == bool(url) and not (entity.url and not url):
            self._problems.add(
                at,
                "mqtt_broker needs either embedded or url" + (", not both" if url else ""),
                "write mqtt_broker: embedded, or mqtt_broker: {url: mqtt://host:port}",
            )
        if port is not None and port > 65535 and entity.port is not None:
            self._problems.add(entity.port.position, f"port {port} is above 65535")
            port = None
        if url and entity.url is not None:
            self._check_url(url, entity.url)
            if entity.port is not None:
                self._problems.add(
                    entity.port.position,
                    "port belongs to an embedded MQTT broker",
                    "put it into the url: mqtt://host:port",
                )
        if account is not None and entity.account is not None and not url:
            self._problems.add(
                entity.account.position,
                "account belongs to an MQTT broker with a url",
                "leave it out: the embedded one asks for no password",
            )
        site = scope.own_site
        other = next((known for known in self._brokers if known.site == site), None)
        if other is not None:
            whose = f"site {site!r}" if site else "all sites"
            self._problems.add(
                at,
                f"a second MQTT broker for {whose}, the first is at {other.position}",
                "keep one of them, or put each into a group with its own site",
            )
            return
        if (hub_url := reader.text(entity.hub_url, "hub_url")) and entity.hub_url is not None:
            self._check_url(hub_url, entity.hub_url)
        broker = Broker(
            site=site,
            url=url,
            account=account,
            port=port or 0,
            bridging=read_bridging(entity, site, reader, embedded=embedded),
            streams=read_streams(entity.streams, scope.site, reader),
            position=at,
        )
        self._brokers.append(broker)

    def _check_url(self, url: str, value: Value) -> None:
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("mqtt", "mqtts") and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            self._problems.add(
                value.position, "not the url of an MQTT broker", "write it as mqtt://host:1883"
            )

    def _name(self, value: Value | None, what: str, reader: Reader) -> str | None:
        text = reader.text(value, what)
        if text is None or value is None:
            return None
        try:
            return check_name(text, what)
        except NameInvalidError as error:
            self._problems.add(value.position, error.what.partition("\n")[0], error.remedy)
            return None


def _read(
    path: Path, problems: Problems, world: World, *, named: Position | None = None
) -> LaunchFile | None:
    if path.suffix != PYTHON:
        return parse_file(path, problems, named=named)
    if world.root is None:
        return read_python(path, problems, named=named)
    problems.add(
        named or Position(shown_path(path)),
        "a launch that is confined to its folder takes no launch files in Python",
        "write it in YAML",
    )
    return None


def _head(actions: tuple[Entity, ...]) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
    """Split off the args and lets a file begins with: its site and realm may use them."""
    declares = (entities.Arg, entities.Let)
    count = next((i for i, entity in enumerate(actions) if not isinstance(entity, declares)), None)
    return (actions, ()) if count is None else (actions[:count], actions[count:])
