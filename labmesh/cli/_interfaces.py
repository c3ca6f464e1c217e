"""Message types and capabilities by name: of this installation, else of the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from labmesh.cli._mesh_schemas import MeshSchema, mesh_schemas
from labmesh.cli._session import Session
from labmesh.cli._suggest import unknown
from messages.model import Message
from messages.schema import hash_schema, json_schema, schema_hash


@dataclass(frozen=True, slots=True)
class Interface:
    """A schema under a name.

    Attributes:
        label: How it is shown.
        summary: One line, or empty.
        schema: The JSON Schema.
        model: The class, None where only the mesh knows the type.
        remark: What the mesh says of it, or empty.
    """

    label: str
    summary: str
    schema: dict[str, Any]
    model: type[BaseModel] | None = None
    remark: str = ""

    @property
    def hash(self) -> str:
        """The sha256 of the canonical schema."""
        return hash_schema(self.schema)


def models() -> dict[str, type[BaseModel]]:
    """Return the message types of this installation by name, ``Request@2``."""
    import messages.catalogue  # noqa: F401  fills TYPES
    from messages.model import TYPES

    return {name: TYPES[name] for name in sorted(TYPES)}


def capabilities() -> dict[str, Any]:
    """Return the capabilities of this installation by name, ``quantity/method``."""
    from messages.capabilities import CAPABILITIES

    return {"/".join(key): CAPABILITIES[key] for key in sorted(CAPABILITIES)}


def summary(model: type[BaseModel]) -> str:
    """Return the first line of a model's docstring."""
    return (model.__doc__ or "").strip().partition("\n")[0]


async def find(session: Session, name: str) -> list[Interface]:
    """Return what ``name`` means: a type, its newest version, a capability, or a model.

    Raises:
        ConfigurationError: Neither this installation nor the mesh knows it.
    """
    here = _installed(name)
    if here:
        only = _wire_name(next(iter(here.values()))) if len(here) == 1 else "+"
        there = await mesh_schemas(session, only)
        return [
            Interface(label, summary(model), json_schema(model), model, _compared(model, there))
            for label, model in here.items()
        ]
    there = await mesh_schemas(session) or []
    versions = {each.type for each in there if name in (each.type, each.type.partition("@")[0])}
    if not versions:
        known = [*models(), *capabilities(), *_ends(), *(each.type for each in there)]
        raise unknown("message type or capability", name, known, look="labmesh interface list")
    newest = max(versions, key=_version)
    found = [each for each in there if each.type == newest]
    several = len(found) > 1
    return [
        Interface(
            f"{newest} {each.hash[:12]}" if several else newest,
            str(each.schema.get("description", "")).partition("\n")[0],
            each.schema,
            remark=f"not installed here; as {_names(each)} published it",
        )
        for each in found
    ]


def _installed(name: str) -> dict[str, type[BaseModel]]:
    types, offered = models(), capabilities()
    if name in offered:
        return {f"{name} parameters": offered[name].input, f"{name} result": offered[name].output}
    versions = [known for known in types if name in (known, known.partition("@")[0])]
    if versions:
        newest = max(versions, key=_version)
        return {newest: types[newest]}
    ends = _ends()
    return {name: ends[name]} if name in ends else {}


def _ends() -> dict[str, type[BaseModel]]:
    return {
        model.__name__: model
        for each in capabilities().values()
        for model in (each.input, each.output)
    }


def _wire_name(model: type[BaseModel]) -> str:
    return model.TYPE if issubclass(model, Message) else model.__name__


def _compared(model: type[BaseModel], there: list[MeshSchema] | None) -> str:
    """Return how our schema of a type compares with the mesh's."""
    name, ours = _wire_name(model), schema_hash(model)
    others = [each for each in there or () if each.type == name and each.hash != ours]
    if others:
        words = "; ".join(f"{each.hash[:12]} at {_names(each)}" for each in others)
        return f"{name} differs in the mesh: {words}; here it is {ours[:12]}"
    same = [each for each in there or () if each.type == name]
    return f"the same as at {_names(same[0])}" if same else ""


def _names(schema: MeshSchema) -> str:
    more = f" and {len(schema.nodes) - 3} others" if len(schema.nodes) > 3 else ""
    return ", ".join(schema.nodes[:3]) + more


def _version(name: str) -> int:
    number = name.rpartition("@")[2]
    return int(number) if number.isdecimal() else 0
