"""``labmesh interface``: message types and capabilities, as this installation knows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._output import Output
from labmesh.cli._schema_table import field_rows
from labmesh.cli._session import json_command
from labmesh.cli._suggest import unknown
from labmesh.cli._verbs import Verbs
from messages.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel


@click.group(cls=Verbs)
def command() -> None:
    """Message types (Request@1) and capabilities (conductivity/two_electrode)."""


@command.command("list")
@json_command
def list_interfaces(out: Output) -> None:
    """List all message types and capabilities."""
    models, capabilities = _models(), _capabilities()
    if out.as_json:
        out.document(
            {
                "messages": {name: _summary(model) for name, model in models.items()},
                "capabilities": {name: each.description for name, each in capabilities.items()},
            }
        )
        return
    out.heading("messages")
    out.table(("type", "what"), ((n, _summary(m)) for n, m in models.items()), empty="")
    out.heading("\ncapabilities")
    out.table(
        ("capability", "parameters", "result", "what"),
        (
            (name, each.input.__name__, each.output.__name__, each.description)
            for name, each in capabilities.items()
        ),
        empty="",
    )


@command.command("show")
@click.argument("name")
@click.option("--schema", is_flag=True, help="Show the JSON Schema itself.")
@json_command
def show(out: Output, name: str, *, schema: bool) -> None:
    """Show the fields of a message type or a capability, with their units.

    NAME is Request@1, Request (its newest version), a capability conductivity/two_electrode, or a
    type that a capability names, as ConductivityInput.
    """
    parts = _find(name)
    from messages.schema import hash_schema, json_schema

    if out.as_json or schema:
        schemas = {label: json_schema(model) for label, model in parts.items()}
        out.document(schemas if len(schemas) > 1 else next(iter(schemas.values())))
        return
    for index, (label, model) in enumerate(parts.items()):
        body = json_schema(model)
        out.heading(("\n" if index else "") + label)
        if summary := _summary(model):
            out.text(summary)
        out.text(f"schema {hash_schema(body)}\n")
        out.table(
            ("field", "type", "unit", "needed", "default", "limits", "description"),
            (
                (f.name, f.type, f.unit, "yes" if f.required else "", f.default, f.limits,
                 f.description)
                for f in field_rows(body)
            ),
            empty=f"{label} has no fields",
        )  # fmt: skip


@command.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_command
def export(out: Output, folder: Path) -> None:
    """Write every JSON Schema into FOLDER, with an index.json of names, files and hashes."""
    from messages.schema import hash_schema, json_schema

    index: dict[str, Any] = {"messages": {}, "capabilities": {}}
    try:
        for name, model in _models().items():
            file = Path("messages", f"{name}.json")
            _write(folder / file, json_schema(model))
            index["messages"][name] = {
                "file": str(file), "sha256": hash_schema(json_schema(model)),
            }  # fmt: skip
        for name, each in _capabilities().items():
            entry: dict[str, Any] = {"description": each.description}
            for role, model in (("parameters", each.input), ("result", each.output)):
                file = Path("capabilities", *name.split("/"), f"{role}.json")
                _write(folder / file, json_schema(model))
                entry[role] = {"file": str(file), "sha256": hash_schema(json_schema(model))}
            index["capabilities"][name] = entry
        _write(folder / "index.json", index)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written: {error.strerror or error}",
            where=str(error.filename or folder),
            remedy="name a folder that you may write to",
        ) from error
    if out.as_json:
        out.document(index)
    else:
        counts = (
            f"{len(index['messages'])} message types, {len(index['capabilities'])} capabilities"
        )
        out.text(f"{counts}: {folder / 'index.json'}")


def _models() -> dict[str, type[BaseModel]]:
    import messages.catalogue  # noqa: F401  fills TYPES
    from messages.model import TYPES

    return {name: TYPES[name] for name in sorted(TYPES)}


def _capabilities() -> dict[str, Any]:
    from messages.capabilities import CAPABILITIES

    return {"/".join(key): CAPABILITIES[key] for key in sorted(CAPABILITIES)}


def _find(name: str) -> dict[str, type[BaseModel]]:
    models, capabilities = _models(), _capabilities()
    if name in capabilities:
        found = capabilities[name]
        return {f"{name} parameters": found.input, f"{name} result": found.output}
    versions = [known for known in models if known == name or known.partition("@")[0] == name]
    if versions:
        newest = max(versions, key=_version)
        return {newest: models[newest]}
    ends = {
        model.__name__: model
        for each in capabilities.values()
        for model in (each.input, each.output)
    }
    if name in ends:
        return {name: ends[name]}
    raise unknown(
        "message type or capability",
        name,
        [*models, *capabilities, *ends],
        look="labmesh interface list",
    )


_version: Callable[[str], int] = lambda name: int(name.rpartition("@")[2])  # noqa: E731


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
