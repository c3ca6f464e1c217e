"""``labmesh ledger export --format``: a ledger as linked data."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any, Final

import pyoxigraph as ox
import pytest
import rdflib

from labmesh.semantics import FORMATS
from messages.access import DECLARATION
from nodes.broker._node import vocabulary
from tests.labmesh.cli._lab import Command, Lab
from tests.nodes.broker.lab import Lab as Ledger
from tests.support.recorded_lab import EOL, recorded_lab

ROOT: Final = Path(__file__).parents[3]


def triples(path: Path, form: ox.RdfFormat) -> set[str]:
    def shown(term: object) -> str:
        # A reader of JSON-LD writes numbers in its own way.
        number = isinstance(term, ox.Literal) and term.datatype.value.endswith("#double")
        return repr(float(term.value)) if number else str(term)  # type: ignore[attr-defined]

    found = ox.parse(path=str(path), format=form)
    return {f"{each.subject} {each.predicate} {shown(each.object)}" for each in found}


def test_three_forms_of_the_same_triples(tmp_path: Path, labmesh: Command) -> None:
    ledger = recorded_lab(EOL, tmp_path).ledger
    for form in ("jsonld", "turtle", "nquads"):
        said = labmesh.text(
            "ledger", "export", f"out.{form}", "--format", form, "--ledger-file", ledger
        )
        assert said == f"out.{form}: {len_of(labmesh, ledger)} entries\n"
    quads = triples(tmp_path / "out.nquads", ox.RdfFormat.N_QUADS)
    assert len(quads) > 4000
    assert triples(tmp_path / "out.turtle", ox.RdfFormat.TURTLE) == quads
    assert triples(tmp_path / "out.jsonld", ox.RdfFormat.JSON_LD) == quads


def test_the_commands_of_the_page(tmp_path: Path, labmesh: Command) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite")
    lab.worker("kit/asab")
    lab.store.close()
    page = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    lines = re.findall(r"^labmesh (ledger export .*)$", page, re.MULTILINE)
    assert len(lines) == len(FORMATS)
    for line in lines:
        words = shlex.split(line, comments=True)
        labmesh.text(*words, "--ledger-file", "ledger.sqlite")
        assert Path(words[2]).stat().st_size > 100


async def test_the_code_of_the_page(tmp_path: Path) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite")
    lab.worker("kit/asab")
    lab.store.close()
    page = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    code = next(block for block in blocks if "file_record" in block)
    scope: dict[str, Any] = {}
    body = "async def shown():\n" + textwrap.indent(code, "    ") + "    return locals()\n"
    exec(body, scope)  # noqa: S102 - our own page
    found = await scope["shown"]()
    assert found["document"]["@graph"]
    assert len(found["graph"]) > 5
    assert found["wrong"] == ()


def len_of(labmesh: Command, ledger: Path) -> int:
    head = labmesh("ledger", "head", "--json", "--ledger-file", ledger).json
    return int(head["offset"]) + 1


@pytest.mark.parametrize("form", ["jsonld", "turtle", "nquads"])
def test_the_same_ledger_gives_the_same_bytes(form: str, tmp_path: Path, labmesh: Command) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite")
    lab.worker("kit/asab")
    lab.request()
    lab.store.close()
    for name in ("a.gz", "b.gz"):
        labmesh.text("ledger", "export", name, "--format", form, "--ledger-file", "ledger.sqlite")
    assert Path("a.gz").read_bytes() == Path("b.gz").read_bytes()
    assert b"urn:labmesh:entry:" in gzip.decompress(Path("a.gz").read_bytes())


def test_each_entry_is_a_graph_of_its_own(tmp_path: Path, labmesh: Command) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite")
    lab.worker("kit/asab")
    lab.store.close()
    labmesh.text("ledger", "export", "out", "--format", "nquads", "--ledger-file", "ledger.sqlite")
    quads = ox.parse(path="out", format=ox.RdfFormat.N_QUADS)
    names = {str(quad.graph_name) for quad in quads}
    assert len(names) == len_of(labmesh, Path("ledger.sqlite"))
    assert all(name.startswith("<urn:labmesh:entry:") for name in names)


def test_what_is_confidential_is_told_only_where_it_is_asked_for(
    tmp_path: Path, labmesh: Command
) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite", dict(vocabulary()))
    lab.worker("kit/asab")
    lab.request(campaign="hush", parameters={"x": 0.123456})
    quantity, method = DECLARATION
    subject = {"subject": "campaign", "name": "hush"}
    data = {
        **subject, "level": "confidential", "embargo": None, "contact": "", "owner": "",
        "person": "Ada", "reason": "",
    }  # fmt: skip
    receipt = lab.result(
        None, "kit/cli", quantity=quantity, method=method, parameters=subject, data=data
    )
    assert receipt.accepted, receipt.reason
    lab.store.close()
    arguments = ("ledger", "export", "out", "--format", "nquads", "--ledger-file", "ledger.sqlite")
    answer = labmesh(*arguments)
    assert answer.code == 0, answer.err
    assert "confidential: only their headers are told" in answer.err
    told = Path("out").read_text(encoding="utf-8")
    assert "withheld" in told
    assert "hush" not in told
    assert labmesh(*arguments).code == 2, "what is there is not overwritten unasked"
    answer = labmesh(*arguments, "--confidential", "--force", "--json")
    assert answer.json["withheld"] == 0
    assert "urn:labmesh:campaign:hush" in Path("out").read_text(encoding="utf-8")


def test_a_running_mesh_answers_too(lab: Lab, labmesh: Command) -> None:
    labmesh.text("ledger", "export", "mesh.ttl", "--format", "turtle")
    graph = rdflib.Graph().parse("mesh.ttl", format="turtle")
    assert len(graph) > 10


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, labmesh: Command) -> None:
    lab = Ledger(tmp_path / "ledger.sqlite")
    lab.store.close()
    answer = labmesh(
        "ledger", "export", "nowhere/out", "--format", "jsonld", "--ledger-file", "ledger.sqlite"
    )
    assert answer.code == 2
    assert "cannot be written: No such file" in answer.err
    labmesh.text("ledger", "export", "out", "--format", "jsonld", "--ledger-file", "ledger.sqlite")
    assert json.loads(Path("out").read_text(encoding="utf-8"))["@graph"] == []
