"""The actions of a launch file as plain functions, for launch files in Python.

A launch file in Python defines ``launch(context)``, which returns a list of what these functions
give; lists in it may be nested, and None is nothing, so that Python's own loops and conditions do
the rest. Keys are those of YAML (`docs/launch.md`), with an underscore where Python keeps the word
for itself: ``in_``, ``if_``. A text may hold substitutions, as in YAML.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from labmesh.launch._declare import Entity
from labmesh.launch._document import Value
from labmesh.launch._entities import Arg
from labmesh.launch._problem import Position
from labmesh.launch._python import Run, actions_of, takes_actions, value_of
from labmesh.launch._substitute import POISON

Action = Entity | None
"""What the functions give: None where it was wrong, which is reported."""

_ABSENT: Final = object()


def arg(name: str, **keys: Any) -> Action:
    """Declare an argument; `Context.arg` does it and returns its value."""
    return _make("arg", {"name": name, **keys})


def let(name: str, value: Any, **keys: Any) -> Action:
    """Set a variable for what follows; for included files' sake, there are Python's own."""
    return _make("let", {"name": name, "value": value, **keys})


def set_env(name: str, value: Any, **keys: Any) -> Action:
    """Set an environment variable for the processes that follow."""
    return _make("set_env", {"name": name, "value": value, **keys})


def set_parameter(name: str, value: Any, **keys: Any) -> Action:
    """Set a parameter of every node that follows and knows it."""
    return _make("set_parameter", {"name": name, "value": value, **keys})


def include(file: str | Path, args: Mapping[str, Any] | None = None, **keys: Any) -> Action:
    """Take the actions of another launch file, in YAML or Python."""
    return _make("include", {"file": file, "args": args, **keys})


def group(*actions: Any, site: str | None = None, **keys: Any) -> Action:
    """Actions in a scope of their own, perhaps at another site."""
    return _make("group", {"site": site, **keys}, actions)


def mqtt_broker(**keys: Any) -> Action:
    """The MQTT broker: ``embedded=True``, or ``url=...``."""
    return _make("mqtt_broker", keys)


def node(run: str, **keys: Any) -> Action:
    """Run a node."""
    return _make("node", {"run": run, **keys})


def executable(cmd: str | list[Any], **keys: Any) -> Action:
    """Run any program."""
    return _make("executable", {"cmd": cmd, **keys})


def timer(delay: float, *actions: Any, **keys: Any) -> Action:
    """Take actions some wall seconds later."""
    return _make("timer", {"delay": delay, **keys}, actions)


def log(message: str, **keys: Any) -> Action:
    """Write a line."""
    return _make("log", {"message": message, **keys})


def on_process_start(process: str, *actions: Any, **keys: Any) -> Action:
    """Take actions whenever a process has started."""
    return _make("on_process_start", {"process": process, **keys}, actions)


def on_process_exit(process: str, *actions: Any, **keys: Any) -> Action:
    """Take actions when a process has exited for good."""
    return _make("on_process_exit", {"process": process, **keys}, actions)


def on_process_io(process: str, pattern: str, *actions: Any, **keys: Any) -> Action:
    """Take actions whenever a process writes a line in which a pattern occurs."""
    return _make("on_process_io", {"process": process, "pattern": pattern, **keys}, actions)


def on_state_transition(node: str, state: str, *actions: Any, **keys: Any) -> Action:
    """Take actions whenever a node comes into a lifecycle state."""
    return _make("on_state_transition", {"node": node, "state": state, **keys}, actions)


def on_shutdown(*actions: Any, **keys: Any) -> Action:
    """Log lines and run programs when the launch ends, before anything else does."""
    return _make("on_shutdown", keys, actions)


def transition(node: str, to: str, **keys: Any) -> Action:
    """Ask a node for a lifecycle transition."""
    return _make("transition", {"node": node, "to": to, **keys})


def shutdown(reason: str | None = None, **keys: Any) -> Action:
    """End the launch."""
    return _make("shutdown", {"reason": reason, **keys})


def var(name: str) -> str:
    """Return the substitution that stands for an argument or a `let`."""
    return f"$(var {name})"


class LaunchDescription:
    """What a launch file in Python returns when a list of actions is not enough.

    Args:
        actions: Entities, or lists of them.
        site: The site of nodes that name none.
        realm: First level of every topic.
    """

    def __init__(
        self, actions: Any = (), *, site: str | None = None, realm: str | None = None
    ) -> None:
        self.actions = actions_of(*actions) if actions is not None else ()
        self._given = {"site": site, "realm": realm}

    def value(self, name: str, run: Run) -> Value | None:
        """Return what is given for ``name`` as a value of the file."""
        given = self._given[name]
        return None if given is None else value_of(given, run, Position(run.shown, 1, 1))


class Context:
    """What a launch file in Python sees outside itself.

    Attributes:
        folder: The folder of the file.
        environment: The environment variables.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        declare: Callable[[Arg], Any],
        variables: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.environment = environment
        self._declare = declare
        self._variables = variables

    def arg(self, name: str, **keys: Any) -> Any:
        """Declare an argument and return the value it has; ``type`` and the rest as in YAML.

        What is missing or wrong is reported, and something of its type returned.
        """
        entity = _make("arg", {"name": name, **keys})
        value = self._declare(entity) if isinstance(entity, Arg) else POISON
        if value is not POISON:
            return value
        kinds = {"int": 0, "float": 0.0, "bool": False}
        return keys.get("default", kinds.get(str(keys.get("type")), ""))

    def __getitem__(self, name: str) -> Any:
        """Return the value of an argument that was declared."""
        return self._variables[name]


def _make(name: str, keys: Mapping[str, Any], actions: tuple[Any, ...] | None = None) -> Action:
    run = Run.current
    if run is None:
        raise RuntimeError(f"{name}() makes sense only while a launch file runs")
    given = {key: value for key, value in keys.items() if value is not None or key == "default"}
    inner = None
    if takes_actions(name):
        inner = actions_of(*(actions or ()), given.pop("actions", None))
    return run.build(name, given, inner, sys._getframe(2))  # noqa: SLF001 - positions
