"""What the checks look at: the campaign, its graph, its crate, and a copy of its ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labmesh.crate import CrateDescription, CrateSummary, Finding, check_crate
from labmesh.fair._case import Case
from labmesh.semantics import Describer, Violation, check
from messages.model import JsonObject

if TYPE_CHECKING:
    from rdflib import Graph


@dataclass
class Exhibit:
    """Everything, each part made when it is first looked at.

    Attributes:
        case: The campaign.
        description: What a person says; nothing by default.
        summary: Of the crate that was written; None where none was needed.
        bodies: Hashes of the entries whose bodies the crate's ledger holds.
        copy: SQLite file of the ledger, written out and read in again; None where none was made.
        heads: Offset and hash of the last entry: of the ledger, and of its copy.
        broken: Why there is no copy, or no crate.
    """

    case: Case
    description: CrateDescription = field(default_factory=CrateDescription)
    summary: CrateSummary | None = None
    bodies: frozenset[bytes] = frozenset()
    copy: Path | None = None
    heads: tuple[tuple[int, bytes], tuple[int, bytes]] | None = None
    broken: str = ""

    @cached_property
    def graph(self) -> Graph:
        """What the campaign's entries say, as triples."""
        rdflib = import_module("rdflib")
        graph: Graph = rdflib.Graph()
        describer = Describer()
        for entry in self.case.schemas:
            describer.document(entry)
        for entry in self.case.entries:
            if entry.body is not None and self.case.book.may_leave(entry):
                for triple in describer.graph(entry):
                    graph.add(triple)
        return graph

    @cached_property
    def violations(self) -> tuple[Violation, ...]:
        """What the shapes do not allow, advice left out."""
        return tuple(each for each in check(self.graph) if each.severity == "violation")

    @property
    def folder(self) -> Path:
        """Of the crate."""
        assert self.summary is not None  # noqa: S101 - a check that needs it says so
        return self.summary.path

    @cached_property
    def entities(self) -> dict[str, JsonObject]:
        """What the crate's metadata describe, by id."""
        text = (self.folder / "ro-crate-metadata.json").read_text(encoding="utf-8")
        return {each["@id"]: each for each in json.loads(text)["@graph"]}

    @property
    def root(self) -> JsonObject:
        """The crate itself, as its metadata describe it."""
        return self.entities["./"]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the crate; the shapes are checked by `violations`."""
        return check_crate(self.folder, shapes=False)

    def referred(self, name: str) -> Iterator[JsonObject]:
        """Yield the entities that a property of the root names."""
        value: Any = self.root.get(name)
        for each in value if isinstance(value, list) else [value] if value else []:
            yield self.entities.get(each["@id"], each) if isinstance(each, dict) else {"name": each}
