"""``labmesh sample history`` of a recorded lab, as an operator types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib

from tests.labmesh.cli._lab import Command
from tests.support.recorded_lab import EOL, recorded_lab


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_lab(EOL, tmp_path_factory.mktemp("eol")).ledger


@pytest.fixture
def cell(labmesh: Command, ledger: Path) -> str:
    found = labmesh("sample", "list", "--kind", "coin_cell", "--json", "--ledger-file", ledger).json
    return str(found[0]["sample"])


def test_the_tree_and_its_json(labmesh: Command, ledger: Path, cell: str) -> None:
    text = labmesh.text("sample", "history", cell, "--ledger-file", ledger)
    assert text.index("0 weighed") < text.index("0 formulated") < text.index("0 assembled")
    told = labmesh("sample", "history", cell, "--json", "--ledger-file", ledger).json
    assert told["sample"] == cell
    assert told["samples"][-1]["sample"] == cell
    back = labmesh("sample", "history", cell, "--forward", "--json", "--ledger-file", ledger).json
    assert [each["sample"] for each in back["samples"]] == [cell]


def test_files(labmesh: Command, ledger: Path, cell: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("h.svg", "h.html")]
    options = ("--picture", files[0], "--html", files[1])
    text = labmesh.text("sample", "history", cell, *options, "--ledger-file", ledger)
    assert text.splitlines() == [str(file) for file in files]
    assert files[1].read_text().startswith("<!DOCTYPE html>")


# rdflib's own reader of JSON-LD makes a class that it deprecates.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
def test_linked_data_hold_the_chain(
    labmesh: Command, ledger: Path, cell: str, tmp_path: Path
) -> None:
    file = tmp_path / "h.jsonld"
    labmesh.text("sample", "history", cell, "--jsonld", file, "--ledger-file", ledger)
    graph = rdflib.Graph().parse(file, format="json-ld")
    prov = rdflib.Namespace("http://www.w3.org/ns/prov#")
    last = rdflib.URIRef(f"urn:labmesh:sample:{cell}:state:3")
    born = rdflib.URIRef(f"urn:labmesh:sample:{cell}:state:0")
    assert born in set(graph.transitive_objects(last, prov.wasRevisionOf))
    assert (last, prov.specializationOf, rdflib.URIRef(f"urn:labmesh:sample:{cell}")) in graph
    ancestors = map(str, graph.transitive_objects(rdflib.URIRef(f"urn:labmesh:sample:{cell}"),
                                                  prov.wasDerivedFrom))  # fmt: skip
    assert any("stock-" in each for each in ancestors)
    assert graph.value(last, prov.wasGeneratedBy) is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--picture", "a.xyz"), "no picture of that kind"),
        (("--html", "nowhere/a.html"), "cannot be written"),
    ],
)
def test_mistakes_are_named(
    labmesh: Command, ledger: Path, cell: str, options: tuple[str, str], words: str
) -> None:
    answer = labmesh("sample", "history", cell, *options, "--ledger-file", ledger)
    assert answer.code == 2
    assert words in answer.err
