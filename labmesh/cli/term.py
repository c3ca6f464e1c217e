"""``labmesh term``: what fields mean, for who writes messages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._verbs import Verbs
from messages.errors import ConfigurationError

if TYPE_CHECKING:
    from labmesh.semantics import Entry, Gap
    from messages.model import JsonObject


@click.group(cls=Verbs)
def command() -> None:
    """Terms of the ontologies that say what the fields of messages mean (docs/semantics.md)."""


@command.command("find")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=8, show_default=True, type=click.IntRange(1), help="Most terms.")
@json_command
def find(out: Output, words: tuple[str, ...], limit: int) -> None:
    """Find terms by WORDS: plain words, a formula, an abbreviation, an InChIKey."""
    from labmesh.semantics import vocabulary

    found = vocabulary().find(" ".join(words))[:limit]
    if out.as_json:
        out.document([{"label": c.label, "score": c.score, "name": c.name} for c in found])
        return
    rows = (
        (c.label, f"{c.score:.2f}", "" if c.name == c.label else c.name, _kind(c.label))
        for c in found
    )
    out.table(("term", "alike", "found by", "what"), rows, empty="no term has such a name")


@command.command("show")
@click.argument("label")
@json_command
def show(out: Output, label: str) -> None:
    """Show the term LABEL: its IRI, what it is and what it is a sub-class of, its units."""
    from labmesh.semantics import vocabulary

    known = vocabulary()
    entry = known.entry(label)
    above = [known.label(iri) for iri in known.parents(entry.iri)]
    units = [e for e in known.entries() if _measures(e, entry)]
    words = known.definition(entry.iri)
    if out.as_json:
        out.document(
            {
                "label": entry.label, "iri": entry.iri, "kind": entry.kind, "above": above,
                "definition": words, "units": {e.symbols[0]: e.iri for e in units},
                "note": entry.note,
            }
        )  # fmt: skip
        return
    lines = [("iri", entry.iri), ("kind", entry.kind), ("sub-class of", ", ".join(above))]
    lines += [("units", ", ".join(e.symbols[0] for e in units)), ("definition", words)]
    lines += [("inchikey", entry.inchikey), ("note", entry.note)]
    out.table((entry.label, ""), [line for line in lines if line[1]], empty="")


@command.command("check")
@click.argument("what", metavar="NODE|MODEL|CAPABILITY")
@json_command
def check(out: Output, what: str) -> None:
    """Say which fields have no meaning yet, and what to write; exit code 1 if there are any.

    Give a node as `labmesh run` takes it (asab, module:Class), a model (module:Class), or a
    capability of the common vocabulary (conductivity/two_electrode).
    """
    from labmesh.semantics import gaps

    found = {name: gaps(schema) for name, schema in _schemas(what).items()}
    if out.as_json:
        out.document({name: [str(gap) for gap in each] for name, each in found.items()})
    else:
        out.table(("schema", "field", "what is missing"), _rows(found), empty=_done(found))
    if any(found.values()):
        sys.exit(1)


def _rows(found: dict[str, tuple[Gap, ...]]) -> list[tuple[str, str, str]]:
    return [
        (name, ".".join(filter(None, (gap.model, gap.field))), gap.what)
        for name, each in found.items()
        for gap in each
    ]


def _done(found: dict[str, tuple[Gap, ...]]) -> str:
    return f"every field says what it means: {', '.join(found)}"


def _schemas(what: str) -> dict[str, JsonObject]:
    from labmesh.node import capabilities_of, find_node
    from messages.capabilities import CAPABILITIES
    from messages.schema import json_schema

    quantity, slash, method = what.partition("/")
    types = CAPABILITIES.get((quantity, method)) if slash else None
    if types is not None:
        return dict(zip((f"{what} parameters", f"{what} result"), types.schemas, strict=True))
    model = _model(what)
    if model is not None:
        return {what.rpartition(":")[2]: json_schema(model)}
    kind = find_node(what)
    found: dict[str, JsonObject] = {}
    for key, bound in capabilities_of(object.__new__(kind)).items():
        offer = bound.offer({})
        found[f"{'/'.join(key)} parameters"] = offer.parameters_schema
        found[f"{'/'.join(key)} result"] = offer.result_schema
    if not found:
        raise ConfigurationError(f"{what} declares no capability", remedy="name one of its models")
    return found


def _model(what: str) -> Any:
    """Return the pydantic model that ``module:Class`` names, None where it is something else."""
    from importlib import import_module
    from pathlib import Path

    from pydantic import BaseModel

    module, colon, name = what.partition(":")
    if not colon:
        return None
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"cannot import {what}: {error}", remedy="check the spelling and what is installed"
        ) from error
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _kind(label: str) -> str:
    from labmesh.semantics import vocabulary

    entry = vocabulary().entry(label)
    return " ".join(filter(None, (entry.kind, *entry.symbols)))


def _measures(unit: Entry, quantity: Entry) -> bool:
    return bool(unit.symbols and quantity.dimension) and unit.dimension == quantity.dimension
