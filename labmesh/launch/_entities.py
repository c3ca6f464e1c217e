"""The actions of a launch file, each a typed entity.

A class added here parses, is in the published schema and in the help; `labmesh.launch._resolve`
says what it means.
"""

# ruff: noqa: RUF009 - key() is dataclasses.field() with our metadata
from __future__ import annotations

from dataclasses import dataclass

from labmesh.launch._declare import Entity, Kind, action, key
from labmesh.launch._document import Value
from messages.node import State, Transition

ARGUMENT_TYPES = ("text", "int", "float", "bool")
OUTPUTS = ("screen", "log", "both")
ON_EXIT = ("ignore", "shutdown")
LEVELS = ("info", "warn", "error")
STATES = tuple(state.value for state in State)
TRANSITIONS = tuple(transition.value for transition in Transition)


@action("arg")
@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Entity):
    """Declare an argument of this file, given as name:=value or by include."""

    name: Value = key(Kind.TEXT, "the argument's name", required=True)
    default: Value | None = key(Kind.ANY, "its value when none is given; without it, required")
    description: Value | None = key(Kind.TEXT, "one line for --args")
    type: Value | None = key(
        Kind.TEXT, "its type; else that of the default, else text", choices=ARGUMENT_TYPES
    )
    choices: Value | None = key(Kind.LIST, "the only values allowed")


@action("let")
@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Entity):
    """Set a variable for what follows in this scope."""

    name: Value = key(Kind.TEXT, "the variable's name", required=True)
    value: Value = key(Kind.ANY, "its value", required=True)


@action("set_env")
@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnv(Entity):
    """Set an environment variable for the processes that follow in this scope."""

    name: Value = key(Kind.TEXT, "the variable's name", required=True)
    value: Value = key(Kind.ANY, "its value", required=True)


@action("set_parameter")
@dataclass(frozen=True, slots=True, kw_only=True)
class SetParameter(Entity):
    """Set a parameter of every node that follows in this scope and knows it."""

    name: Value = key(Kind.TEXT, "the parameter's name", required=True)
    value: Value = key(Kind.ANY, "its value; what the node itself is given wins", required=True)


@action("include", shorthand="file")
@dataclass(frozen=True, slots=True, kw_only=True)
class Include(Entity):
    """Take the actions of another launch file, in a scope of its own."""

    file: Value = key(
        Kind.TEXT, "the launch file, relative to this one, or absolute", required=True
    )
    args: Value | None = key(Kind.VALUES, "the arguments it gets; it sees no other variable")


@action("group")
@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Entity):
    """Actions in a scope of their own, perhaps at another site."""

    site: Value | None = key(Kind.TEXT, "the site of the nodes in it")
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("mqtt_broker", shorthand="embedded")
@dataclass(frozen=True, slots=True, kw_only=True)
class MqttBroker(Entity):
    """The MQTT broker of all nodes; in a group with a site, of that site's nodes."""

    embedded: Value | None = key(
        Kind.ANY, "start a mosquitto as a child of the launch: embedded, or true"
    )
    port: Value | None = key(Kind.INTEGER, "its TCP port; 0 or absent: a free one")
    url: Value | None = key(Kind.TEXT, "one that is there: mqtts://host[:port], or mqtt://")
    account: Value | None = key(
        Kind.TEXT, "an account file for all, or a folder with one a node: NAME.json, launch.json"
    )
    bridge: Value | None = key(
        Kind.TEXT, "the hub: the site to whose MQTT broker this embedded one is bridged"
    )
    hub_url: Value | None = key(
        Kind.TEXT, "where the hub is when this launch does not start it: mqtts://host:port"
    )
    hub_account: Value | None = key(
        Kind.TEXT, "the account file of this site's bridge at the hub; may hold the url"
    )
    streams: Value | None = key(
        Kind.LIST, "streams of this site that cross its bridge, as node/stream; + is any"
    )


@action("node")
@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Entity):
    """Run a node in a process of its own."""

    run: Value = key(
        Kind.TEXT, "what to run: an installed node's name, or module:Class", required=True
    )
    name: Value | None = key(Kind.TEXT, "the node's name; else that of what is run")
    site: Value | None = key(Kind.TEXT, "the node's site; else the group's, else the file's")
    param: Value | None = key(Kind.VALUES, "parameters, checked against the node's model")
    params_file: Value | None = key(
        Kind.TEXT, "a YAML file with a map of parameters; param wins over it"
    )
    after: Value | None = key(
        Kind.AFTER, "start only when these are ready: a name, a list, or a map of name to state"
    )
    ledger: Value | None = key(Kind.TEXT, "its ledger, as site/node or a node of the same site")
    clock: Value | None = key(Kind.TEXT, "the clock node it follows; else wall time")
    remap: Value | None = key(
        Kind.TEXTS, "inputs and call targets by their logical name: the node that each stands for"
    )
    in_: Value | None = key(
        Kind.TEXT, "run it inside this container node instead of a process of its own"
    )
    autostart: Value | None = key(
        Kind.BOOLEAN, "go to active by itself (default), or wait unconfigured for a person"
    )
    respawn: Value | None = key(Kind.RESPAWN, "start it again when it exits by itself")
    respawn_delay: Value | None = key(Kind.NUMBER, "as delay of respawn")
    respawn_max_retries: Value | None = key(Kind.INTEGER, "as max_retries of respawn")
    on_exit: Value | None = key(
        Kind.TEXT, "when it exits and is not respawned: shutdown ends the launch", choices=ON_EXIT
    )
    env: Value | None = key(Kind.TEXTS, "environment variables")
    output: Value | None = key(
        Kind.TEXT, "where what it writes goes; default both", choices=OUTPUTS
    )


@action("executable")
@dataclass(frozen=True, slots=True, kw_only=True)
class Executable(Entity):
    """Run any program."""

    cmd: Value = key(Kind.LIST, "the program and its arguments", required=True)
    name: Value | None = key(Kind.TEXT, "its name here; else the program's file name")
    cwd: Value | None = key(Kind.TEXT, "the folder it runs in; else where the launch was started")
    after: Value | None = key(Kind.AFTER, "as for node")
    respawn: Value | None = key(Kind.RESPAWN, "as for node")
    respawn_delay: Value | None = key(Kind.NUMBER, "as delay of respawn")
    respawn_max_retries: Value | None = key(Kind.INTEGER, "as max_retries of respawn")
    on_exit: Value | None = key(Kind.TEXT, "as for node", choices=ON_EXIT)
    env: Value | None = key(Kind.TEXTS, "environment variables")
    output: Value | None = key(Kind.TEXT, "as for node", choices=OUTPUTS)


@action("timer")
@dataclass(frozen=True, slots=True, kw_only=True)
class Timer(Entity):
    """Take actions some seconds (wall time) after this action's turn."""

    delay: Value = key(Kind.NUMBER, "seconds", required=True)
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("log", shorthand="message")
@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Entity):
    """Write a line."""

    message: Value = key(Kind.TEXT, "the line", required=True)
    level: Value | None = key(Kind.TEXT, "its level; default info", choices=LEVELS)


@action("on_process_start")
@dataclass(frozen=True, slots=True, kw_only=True)
class OnProcessStart(Entity):
    """Take actions whenever a process has started."""

    process: Value = key(Kind.TEXT, "a node's or an executable's name", required=True)
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("on_process_exit")
@dataclass(frozen=True, slots=True, kw_only=True)
class OnProcessExit(Entity):
    """Take actions when a process has exited for good."""

    process: Value = key(Kind.TEXT, "a node's or an executable's name", required=True)
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("on_process_io")
@dataclass(frozen=True, slots=True, kw_only=True)
class OnProcessIO(Entity):
    """Take actions whenever a process writes a line in which a pattern occurs."""

    process: Value = key(Kind.TEXT, "a node's or an executable's name", required=True)
    pattern: Value = key(Kind.TEXT, "a regular expression (Python's)", required=True)
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("on_state_transition")
@dataclass(frozen=True, slots=True, kw_only=True)
class OnStateTransition(Entity):
    """Take actions whenever a node comes into a lifecycle state."""

    node: Value = key(Kind.TEXT, "the node's name", required=True)
    state: Value = key(Kind.TEXT, "the state", required=True, choices=STATES)
    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "the actions", required=True)


@action("on_shutdown")
@dataclass(frozen=True, slots=True, kw_only=True)
class OnShutdown(Entity):
    """When the launch ends, before anything else does: log lines, programs that take seconds."""

    actions: tuple[Entity, ...] = key(Kind.ACTIONS, "log and executable only", required=True)


@action("transition")
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTransition(Entity):
    """Ask a node for a lifecycle transition; meant for timers and handlers."""

    node: Value = key(Kind.TEXT, "the node's name", required=True)
    to: Value = key(Kind.TEXT, "the transition", required=True, choices=TRANSITIONS)


@action("shutdown", shorthand="reason")
@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(Entity):
    """End the launch; meant for timers and handlers."""

    reason: Value | None = key(Kind.TEXT, "why, for the screen")
