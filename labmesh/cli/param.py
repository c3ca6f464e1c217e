"""``labmesh param``: parameters of nodes."""

from __future__ import annotations

from typing import Any, Final

import click

from labmesh.cli._data import parse_value, read_map, settings
from labmesh.cli._format import one_line
from labmesh.cli._output import to_yaml
from labmesh.cli._schema_table import field_rows
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._suggest import unknown
from labmesh.cli._survey import NodeSeen, pick, survey
from labmesh.cli._verbs import Verbs
from messages.errors import ConfigurationError


@click.group(cls=Verbs)
def command() -> None:
    """Parameters of nodes."""


@command.command("list")
@click.argument("name", metavar="[NODE]", required=False)
@mesh_command
async def list_parameters(session: Session, name: str | None) -> None:
    """List the parameters of all nodes that are online, or of one, with their values."""
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    nodes = [pick(name, visitor.place, seen)] if name else list(seen.values())
    shown = {
        str(node.id): node.parameters.values
        for node in nodes
        if node.parameters and (name or node.state == "online")
    }
    if session.out.as_json:
        session.out.document(shown)
        return
    session.out.table(
        ("node", "parameter", "value"),
        (
            (node, parameter, one_line(value))
            for node, values in shown.items()
            for parameter, value in values.items()
        ),
        empty="no parameters",
    )


@command.command("get")
@click.argument("name", metavar="NODE")
@click.argument("parameter", required=False)
@mesh_command
async def get(session: Session, name: str, parameter: str | None) -> None:
    """Show the value of one parameter, or all of a node."""
    _, values = await _values(session, name)
    if parameter is None:
        answer: Any = values
    else:
        answer = values[_known(parameter, values, name)]
    if session.out.as_json:
        session.out.document(answer)
    elif isinstance(answer, dict | list):
        session.out.yaml(answer)
    else:
        session.out.text(to_yaml(answer).rstrip("\n"))


_IF_VERSION: Final = click.option(
    "--if-version", metavar="N", type=click.IntRange(min=0),
    help="Refuse if they have changed since version N.",
)  # fmt: skip


@command.command("set")
@click.argument("name", metavar="NODE")
@click.argument("given", metavar="NAME=VALUE ...", nargs=-1, required=True)
@click.option("--no-keep", is_flag=True, help="Only until the node ends, not at its next start.")
@_IF_VERSION
@mesh_command
async def set_parameters(
    session: Session, name: str, given: tuple[str, ...], *, no_keep: bool, if_version: int | None
) -> None:
    """Set parameters, all of them or none; each VALUE is YAML. `NAME VALUE` is understood, too.

    They are kept for the node's next start, unless its launch file says something new by then.
    """
    if len(given) == 2 and "=" not in given[0]:
        changes: dict[str, Any] = {given[0]: parse_value(given[1], where=given[0])}
    else:
        changes = settings(given)
    await _change(session, name, changes, keep=not no_keep, if_version=if_version)


@command.command("unset")
@click.argument("name", metavar="NODE")
@click.argument("given", metavar="NAME ...", nargs=-1, required=True)
@_IF_VERSION
@mesh_command
async def unset(
    session: Session, name: str, given: tuple[str, ...], *, if_version: int | None
) -> None:
    """Return parameters to what the launch file, the command line or the defaults say."""
    await _unset(session, name, given, if_version)


@command.command("delete")
@click.argument("name", metavar="NODE")
@click.argument("given", metavar="NAME", nargs=1)
@mesh_command
async def delete(session: Session, name: str, given: str) -> None:
    """As `unset`, of one parameter: ROS 2's word for it."""
    await _unset(session, name, (given,), None)


@command.command("describe")
@click.argument("name", metavar="NODE")
@click.argument("parameter", required=False)
@mesh_command
async def describe(session: Session, name: str, parameter: str | None) -> None:
    """Describe the parameters of a node: type, default, limits, when a change counts, meaning."""
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
    schema = _descriptor(node).parameters_schema
    properties: dict[str, Any] = schema.get("properties", {})
    if parameter is not None:
        _known(parameter, properties, str(node.id))
        schema = {**schema, "properties": {parameter: properties[parameter]}, "required": []}
    if session.out.as_json:
        session.out.document(schema)
        return
    session.out.table(
        ("parameter", "type", "unit", "default", "limits", "changes", "description"),
        (
            (f.name, f.type, f.unit, f.default, f.limits, _effect(schema, f.name), f.description)
            for f in field_rows(schema)
        ),
        empty=f"{node.id} has no parameters",
    )


@command.command("dump")
@click.argument("name", metavar="NODE")
@mesh_command
async def dump(session: Session, name: str) -> None:
    """Print a node's parameters as a parameter file (`labmesh run --params-file`)."""
    _, values = await _values(session, name)
    if session.out.as_json:
        session.out.document(values)
    elif values:
        session.out.yaml(values)


@command.command("load")
@click.argument("name", metavar="NODE")
@click.argument("file", type=click.Path(allow_dash=True))
@mesh_command
async def load(session: Session, name: str, file: str) -> None:
    """Set the parameters that a YAML file names, all of them or none."""
    from labmesh.node import parameters_of

    content = read_map(file, what="parameters")
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
    where = "standard input" if file == "-" else file
    await _change(session, str(node.id), parameters_of(content, node.id, where=where))


async def _values(session: Session, name: str) -> tuple[NodeSeen, dict[str, Any]]:
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
    if node.parameters is None:
        raise ConfigurationError(f"{node.id} has published no parameters", remedy=_WAKE)
    if node.state != "online":
        session.out.remark(f"{node.id} is {node.state}; these are its last parameters")
    return node, node.parameters.values


async def _change(
    session: Session,
    name: str,
    changes: dict[str, Any],
    *,
    keep: bool = True,
    if_version: int | None = None,
) -> None:
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        known = _descriptor(node).parameters_schema.get("properties", {})
        for parameter in changes:
            _known(parameter, known, str(node.id))
        arguments = {"values": changes, "keep": keep, "if_version": if_version}
        answer = await visitor.caller.call(
            node.id, "param.set", arguments, timeout=session.patience
        )
    _show(session, node, answer, list(changes))


async def _unset(
    session: Session, name: str, given: tuple[str, ...], if_version: int | None
) -> None:
    async with session.visit() as visitor:
        node = pick(name, visitor.place, await survey(visitor.mesh, patience=session.patience))
        arguments = {"names": list(given), "if_version": if_version}
        answer = await visitor.caller.call(
            node.id, "param.unset", arguments, timeout=session.patience
        )
    _show(session, node, answer, list(given))


def _show(session: Session, node: NodeSeen, answer: dict[str, Any], names: list[str]) -> None:
    if session.out.as_json:
        session.out.document(answer)
        return
    top = dict.fromkeys(name.partition(".")[0] for name in names)
    session.out.pairs((each, one_line(answer["values"][each])) for each in top)
    waiting = [name for name in answer["pending"] if name.partition(".")[0] in top]
    schema = _descriptor(node).parameters_schema
    for name in waiting:
        value = one_line(answer["pending"][name])
        session.out.remark(f"{name} will be {value} {_effect(schema, name)}")


def _effect(schema: dict[str, Any], name: str) -> str:
    """Return in words when a change of a parameter is taken over."""
    field = schema.get("properties", {}).get(name.partition(".")[0], {})
    if field.get("readOnly"):
        return "never"
    effect = field.get("effect", "now")
    return "at once" if effect == "now" else f"at the next {effect}"


def _descriptor(node: NodeSeen) -> Any:
    if node.descriptor is None:
        raise ConfigurationError(f"{node.id} has not described itself", remedy=_WAKE)
    return node.descriptor


def _known(parameter: str, known: dict[str, Any], node: str) -> str:
    if parameter not in known:
        raise unknown(
            "parameter", parameter, known, where=node, look=f"labmesh param describe {node}"
        )
    return parameter


_WAKE = "start it, and see `labmesh node list`"
