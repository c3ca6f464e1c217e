"""Nodes and executables: from entity to planned process."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any, Final, Literal, cast

from labmesh.launch._document import Items, Map, Scalar, Value, read_document
from labmesh.launch._entities import ON_EXIT, OUTPUTS, Executable, Node
from labmesh.launch._parse import shown_path
from labmesh.launch._plan import Dependency, ExecutableProcess, NodeProcess, Respawn
from labmesh.launch._problem import Position, did_you_mean
from labmesh.launch._read import Reader, Where, positions, without_poison
from labmesh.launch._substitute import POISON, as_text
from labmesh.node import parameters_of
from messages.errors import ConfigurationError, NameInvalidError
from messages.ids import NodeId, check_name

NODE_STATES: Final = ("started", "unconfigured", "inactive", "active", "finalized", "exited")
EXECUTABLE_STATES: Final = ("started", "exited")
DEFAULT_STATE: Final = ""
"""Stands for the state that fits: ``active`` of a node, ``started`` of an executable."""

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def node_process(entity: Node, reader: Reader) -> NodeProcess:
    """Return the node as planned; what could not be read is absent and reported."""
    run = reader.text(entity.run, "run") or ""
    site = _checked_name(entity.site, "site", reader) or reader.scope.site
    name = _name(entity.name, default_name(run), entity.run, reader)
    parameters, where, partial = _parameters(entity, run, f"{site}/{name}", reader)
    if entity.in_ is not None and entity.env is not None:
        at = entity.env.position
        reader.problems.add(at, "env belongs to a process", "give it to the container")
    autostart = reader.boolean(entity.autostart, "autostart")
    return NodeProcess(
        name=name,
        site=site,
        run=run,
        run_position=entity.run.position,
        parameters=parameters,
        where=where,
        partial=partial,
        ledger=_node_id(entity.ledger, "ledger", site, reader),
        clock=_node_id(entity.clock, "clock", site, reader),
        remap=_remap(entity.remap, site, reader),
        remap_where=_keys(entity.remap),
        container=reader.text(entity.in_, "in"),
        container_position=entity.in_.position if entity.in_ else None,
        autostart=autostart is not False,
        after=_after(entity.after, reader),
        respawn=_respawn(entity, reader),
        on_exit=_on_exit(entity.on_exit, reader),
        env=_env(entity.env, reader),
        output=_output(entity.output, reader),
        position=entity.position,
    )


def executable_process(entity: Executable, reader: Reader) -> ExecutableProcess:
    """Return the executable as planned."""
    command = _command(entity.cmd, reader)
    cwd = reader.text(entity.cwd, "cwd")
    folder = reader.scope.folder / cwd if cwd else reader.scope.world.cwd
    if cwd and entity.cwd is not None and not os.path.isdir(folder):  # noqa: PTH112 - as in _read
        reader.problems.add(entity.cwd.position, f"no folder {cwd!r}", f"looked for {folder}")
    default = default_name(Path(command[0]).stem) if command else ""
    return ExecutableProcess(
        name=_name(entity.name, default, entity.cmd, reader),
        site=reader.scope.site,
        command=command,
        cwd=str(folder),
        after=_after(entity.after, reader),
        respawn=_respawn(entity, reader),
        on_exit=_on_exit(entity.on_exit, reader),
        env=_env(entity.env, reader),
        output=_output(entity.output, reader),
        position=entity.position,
    )


def default_name(run: str) -> str:
    """Return the name that ``asab``, ``module:TwoWords`` or a program has by default."""
    last = run.rpartition(":")[2]
    return re.sub(r"[^a-z0-9_-]", "_", _CAMEL.sub("_", last).lower())


def _name(value: Value | None, default: str, fallback: Value, reader: Reader) -> str:
    """Return a valid name; a made-up unique one when it is not, so that no other check trips."""
    if value is None and default:
        value, text = fallback, default
    else:
        text = reader.text(value, "name") or ""
    if value is None or not text:
        reader.problems.incomplete = True
        return f"line{(value or fallback).position.line}"
    try:
        return check_name(text, "name")
    except NameInvalidError as error:
        reader.problems.add(value.position, error.what.partition("\n")[0], error.remedy)
        reader.problems.incomplete = True
        return text


def _checked_name(value: Value | None, what: str, reader: Reader) -> str | None:
    text = reader.text(value, what)
    if text is None or value is None:
        return None
    try:
        return check_name(text, what)
    except NameInvalidError as error:
        reader.problems.add(value.position, error.what.partition("\n")[0], error.remedy)
        return None


def _node_id(value: Value | None, what: str, site: str, reader: Reader) -> str | None:
    text = reader.text(value, what)
    if text is None or value is None:
        return None
    try:
        return str(NodeId.parse(text if "/" in text else f"{site}/{text}"))
    except NameInvalidError as error:
        reader.problems.add(value.position, f"{what} {text!r} is not a node", error.remedy)
        return None


def _parameters(
    entity: Node, run: str, node: str, reader: Reader
) -> tuple[dict[str, Any], Where, bool]:
    given, where = reader.values(entity.param, "param")
    path = reader.path(entity.params_file, "params_file")
    partial = path is None and entity.params_file is not None
    if path is not None:
        document = read_document(
            path,
            shown_path(path),
            reader.problems,
            substitutions=False,
            named=entity.params_file.position if entity.params_file else None,
        )
        if isinstance(document, Map):
            where = {**_positions(document), **where}
            try:
                found = parameters_of(_plain(document), node, where="")
                given = {**found, **given}
            except ConfigurationError as error:
                reader.problems.add(document.position, error.what, error.remedy)
        elif document is not None and not (isinstance(document, Scalar) and not document.value):
            reader.problems.add(document.position, "not a map of parameters")
    for inherited in reader.scope.parameters.values() if run else ():
        if inherited.meet(run) and inherited.name not in given:
            given = {inherited.name: inherited.value, **given}
            where = {(inherited.name,): inherited.position, **where}
    parameters, lost = without_poison(given)
    return parameters, where, partial or lost


def _positions(document: Map) -> Where:
    """Return where a parameter file's values stand, in sections by node or not."""
    found: Where = {}
    positions(document, (), found)
    for entry in document.entries:
        if isinstance(entry.value, Map) and len(entry.value.entries) == 1:
            positions(entry.value.entries[0].value, (), found)
    return found


def _plain(document: Map) -> dict[str, Any]:
    """Return a parameter file's content: data, in which ``$(`` means nothing."""

    def plain(value: Value) -> Any:
        if isinstance(value, Scalar):
            return value.value
        if isinstance(value, Map):
            return {entry.key: plain(entry.value) for entry in value.entries}
        return [plain(item) for item in value.items]

    return {entry.key: plain(entry.value) for entry in document.entries}


def _after(value: Value | None, reader: Reader) -> tuple[Dependency, ...]:
    pairs: list[tuple[str | None, str, Value]] = []
    if isinstance(value, Map):
        for entry in value.entries:
            state = reader.text(entry.value, f"after {entry.key}", NODE_STATES)
            at = Scalar(entry.position, entry.key)
            pairs.append((entry.key, state or DEFAULT_STATE, at))
    elif isinstance(value, Items):
        pairs = [(reader.text(item, "after"), DEFAULT_STATE, item) for item in value.items]
    elif value is not None:
        pairs = [(reader.text(value, "after"), DEFAULT_STATE, value)]
    return tuple(
        Dependency(process=name, state=state, position=at.position)
        for name, state, at in pairs
        if name is not None
    )


def _respawn(entity: Node | Executable, reader: Reader) -> Respawn | None:
    value, delay, retries = entity.respawn, entity.respawn_delay, entity.respawn_max_retries
    wanted: bool | None = None
    when: Value | None = None
    if isinstance(value, Map):
        wanted = True
        known = ("delay", "max_retries", "when")
        for entry in value.entries:
            if entry.key not in known:
                reader.problems.add(
                    entry.position,
                    f"respawn has no key {entry.key!r}",
                    did_you_mean(entry.key, known),
                )
        delay = given.value if (given := value.get("delay")) else delay
        retries = given.value if (given := value.get("max_retries")) else retries
        when = given.value if (given := value.get("when")) else None
    elif value is not None:
        wanted = reader.boolean(value, "respawn")
    seconds = reader.number(delay, "delay")
    limit = reader.integer(retries, "max_retries")
    ends = reader.text(when, "when", ("exit", "killed"))
    if not wanted:
        return None
    return Respawn(
        delay=1.0 if seconds is None else seconds, max_retries=limit,
        when="killed" if ends == "killed" else "exit",
    )  # fmt: skip


def _remap(value: Value | None, site: str, reader: Reader) -> dict[str, str]:
    texts = reader.texts(value, "remap")
    found = {}
    for entry in value.entries if isinstance(value, Map) else ():
        if entry.key not in texts:
            continue
        target = _node_id(entry.value, f"remap {entry.key}", site, reader)
        if target is not None:
            found[entry.key] = target
    return found


def _keys(value: Value | None) -> dict[str, Position]:
    entries = value.entries if isinstance(value, Map) else ()
    return {entry.key: entry.position for entry in entries}


def _on_exit(value: Value | None, reader: Reader) -> Literal["ignore", "shutdown"]:
    text = reader.text(value, "on_exit", ON_EXIT) or "ignore"
    return cast("Literal['ignore', 'shutdown']", text)


def _output(value: Value | None, reader: Reader) -> Literal["screen", "log", "both"]:
    text = reader.text(value, "output", OUTPUTS) or "both"
    return cast("Literal['screen', 'log', 'both']", text)


def _env(value: Value | None, reader: Reader) -> dict[str, str]:
    own = reader.texts(value, "env")
    if isinstance(value, Map):
        for entry in value.entries:
            if not _ENV_NAME.fullmatch(entry.key):
                reader.problems.add(
                    entry.position, f"{entry.key!r} is not the name of an environment variable"
                )
    return {**reader.scope.environment, **own}


def _command(value: Value, reader: Reader) -> tuple[str, ...]:
    found = reader.any(value)
    if isinstance(found, str):
        try:
            found = shlex.split(found)
        except ValueError as error:
            reader.problems.add(value.position, f"cmd cannot be split: {error}")
            return ()
    if found is POISON or (isinstance(found, list) and POISON in found):
        return ()
    plain = isinstance(found, list) and not any(isinstance(i, dict | list) for i in found)
    if not plain or not found or not as_text(found[0]):
        reader.problems.add(
            value.position, "cmd is not a program and its arguments", "write it as a list of texts"
        )
        return ()
    return tuple(map(as_text, found))
