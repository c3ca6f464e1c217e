"""``labmesh interface``: message types and capabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from labmesh.cli._interfaces import capabilities, find, models, summary
from labmesh.cli._output import Output
from labmesh.cli._schema_table import field_rows
from labmesh.cli._session import Session, json_command, mesh_command
from labmesh.cli._verbs import Verbs
from messages.errors import BodyError, ConfigurationError


@click.group(cls=Verbs)
def command() -> None:
    """Message types (Request@2) and capabilities (conductivity/two_electrode).

    TYPE is Request@2, Request (its newest version), a capability conductivity/two_electrode, or a
    model that a capability or a service names, as ConductivityInput. What this installation does
    not know is looked up in the mesh, where one is to be reached.
    """


@command.command("list")
@json_command
def list_interfaces(out: Output) -> None:
    """List all message types and capabilities of this installation."""
    types, offered = models(), capabilities()
    if out.as_json:
        out.document(
            {
                "messages": {name: summary(model) for name, model in types.items()},
                "capabilities": {name: each.description for name, each in offered.items()},
            }
        )
        return
    out.heading("messages")
    out.table(("type", "what"), ((n, summary(m)) for n, m in types.items()), empty="")
    out.heading("\ncapabilities")
    out.table(
        ("capability", "parameters", "result", "what"),
        (
            (name, each.input.__name__, each.output.__name__, each.description)
            for name, each in offered.items()
        ),
        empty="",
    )


@command.command("show")
@click.argument("name", metavar="TYPE")
@click.option("--schema", is_flag=True, help="Show the JSON Schema itself.")
@mesh_command
async def show(session: Session, name: str, *, schema: bool) -> None:
    """Show the fields of a message type or a capability, with their units."""
    out, found = session.out, await find(session, name)
    if out.as_json or schema:
        schemas = {each.label: each.schema for each in found}
        out.document(schemas if len(schemas) > 1 else next(iter(schemas.values())))
        for each in found:
            if "differs" in each.remark:
                out.remark(each.remark)
        return
    for index, each in enumerate(found):
        out.heading(("\n" if index else "") + each.label)
        if each.summary:
            out.text(each.summary)
        out.text(f"schema {each.hash}" + (f"\n{each.remark}" if each.remark else "") + "\n")
        out.table(
            ("field", "type", "unit", "needed", "default", "limits", "term", "description"),
            (
                (f.name, f.type, f.unit, "yes" if f.required else "", f.default, f.limits,
                 f.term, f.description)
                for f in field_rows(each.schema)
            ),
            empty=f"{each.label} has no fields",
        )  # fmt: skip


@command.command("proto")
@click.argument("name", metavar="TYPE")
@click.option("--result", is_flag=True, help="Of a capability its result, not its parameters.")
@mesh_command
async def proto(session: Session, name: str, *, result: bool) -> None:
    """Print an example, to edit and pipe: `topic pub`, `service call`, `request send -p -`."""
    from labmesh.cli._example import example, example_yaml
    from messages.envelope import validate

    found = (await find(session, name))[-1 if result else 0]
    value = example(found.schema)
    if session.out.as_json:
        session.out.document(value)
    else:
        session.out.text(example_yaml(found.schema).rstrip("\n"))
    if found.model is not None:
        from labmesh.cli._data import parse_map

        try:
            plain = parse_map(json.dumps(value), what="the example", where=found.label)
            validate(found.model, plain, where="body")
        except BodyError as error:
            session.out.remark(f"edit it before it is valid: {error.what}")


@command.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option(
    "--asyncapi", "document", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
    help="Write an AsyncAPI 3.0 document of all topics instead; - is standard output.",
)  # fmt: skip
@json_command
def export(out: Output, folder: Path | None, *, document: str | None) -> None:
    """Write every JSON Schema into FOLDER, with an index.json of names, files and hashes."""
    if (folder is None) == (document is None):
        raise click.UsageError("name a FOLDER, or --asyncapi FILE")
    try:
        if document is not None:
            _export_asyncapi(out, document)
        elif folder is not None:
            _export_schemas(out, folder)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written: {error.strerror or error}",
            where=str(error.filename or folder or document),
            remedy="name a place that you may write to",
        ) from error


def _export_asyncapi(out: Output, file: str) -> None:
    from labmesh.cli._asyncapi import asyncapi

    document = asyncapi()
    if file == "-":
        out.document(document)
        return
    _write(Path(file), document)
    if out.as_json:
        out.document({"file": file, "channels": list(document["channels"])})
    else:
        out.text(f"{len(document['channels'])} classes of topics: {file}")


def _export_schemas(out: Output, folder: Path) -> None:
    from messages.schema import hash_schema, json_schema

    index: dict[str, Any] = {"messages": {}, "capabilities": {}}
    for name, model in models().items():
        file = Path("messages", f"{name}.json")
        _write(folder / file, json_schema(model))
        index["messages"][name] = {"file": str(file), "sha256": hash_schema(json_schema(model))}
    for name, each in capabilities().items():
        entry: dict[str, Any] = {"description": each.description}
        for role, model in (("parameters", each.input), ("result", each.output)):
            file = Path("capabilities", *name.split("/"), f"{role}.json")
            _write(folder / file, json_schema(model))
            entry[role] = {"file": str(file), "sha256": hash_schema(json_schema(model))}
        index["capabilities"][name] = entry
    _write(folder / "index.json", index)
    if out.as_json:
        out.document(index)
        return
    counts = f"{len(index['messages'])} message types, {len(index['capabilities'])} capabilities"
    out.text(f"{counts}: {folder / 'index.json'}")


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
