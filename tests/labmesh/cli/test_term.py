"""``labmesh term``, and how docs/semantics.md says that one annotates messages of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from labmesh.semantics import _lab_terms, context, gaps, ontology, read_vocabulary, vocabulary
from messages.errors import ConfigurationError
from tests.docs.test_pages import ROOT, blocks
from tests.labmesh.cli._lab import Command

PAGE = "docs/semantics.md"
PREFERRED = "<urn:x:A> <http://www.w3.org/2004/02/skos/core#prefLabel> "
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's package is installed, with its entry point."""
    point = EntryPoint("mylab", "refractometer:TERMS", _lab_terms.GROUP)
    cached = (_lab_terms.lab_files, vocabulary, ontology, context)
    monkeypatch.setattr(_lab_terms, "entry_points", lambda **_group: EntryPoints([point]))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(EXAMPLES)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()
    sys.modules.pop("refractometer", None)


def test_the_page_shows_the_files() -> None:
    code = [code for _, code in blocks(PAGE, "python")]
    assert code[0].strip() in (EXAMPLES / "refractometer.py").read_text()
    (turtle,) = (code for _, code in blocks(PAGE, "turtle"))
    assert turtle.strip() in (EXAMPLES / "refractometer.ttl").read_text()


def test_the_pages_code_runs() -> None:
    code = [code for _, code in blocks(PAGE, "python")]
    exec(code[1], {})  # noqa: S102 - what the page shows, and nothing else


@pytest.mark.usefixtures("installed")
def test_the_example_is_complete_and_is_found_by_its_labs_own_terms(
    labmesh: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labmesh("term", "check", "refractometer:Refractometer", "--json").json == {
        "refractive_index/abbe parameters": [],
        "refractive_index/abbe result": [],
    }
    known = vocabulary()
    assert known.find("salt content")[0].label == "SaltMassFraction"
    assert known.iri("SaltMassFraction") in known.subclasses(known.iri("MassFraction"))
    assert known.agree("SaltMassFraction", "1")
    assert not known.agree("SaltMassFraction", "kg")
    assert context()["@context"]["AbbeRefractometry"] == "urn:mylab:term:AbbeRefractometry"
    assert (None, None, None) in ontology()


def test_without_its_terms_the_example_says_what_is_missing(
    labmesh: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from messages.schema import json_schema

    monkeypatch.chdir(EXAMPLES)
    import refractometer  # type: ignore[import-not-found]

    found = [str(gap) for gap in gaps(json_schema(refractometer.RefractionOutput))]
    assert [line.partition(":")[0] for line in found] == [
        "RefractionOutput", "RefractionOutput.salt",
    ]  # fmt: skip
    assert "'AbbeRefractometry' is no term of the vocabulary" in found[0]
    answer = labmesh("term", "check", "refractometer:RefractionOutput")
    assert answer.code == 1
    assert "RefractionOutput.salt" in answer.out


@pytest.mark.parametrize("command", ["find refractive index", "find LiPF6", "show RefractiveIndex"])
def test_the_pages_commands_answer(labmesh: Command, command: str) -> None:
    assert f"labmesh term {command}" in (ROOT / PAGE).read_text()
    wanted = "LithiumHexafluorophosphate" if "LiPF6" in command else "RefractiveIndex"
    assert wanted.lower() in labmesh.text("term", *command.split()).lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<urn:x:A> a .", "no Turtle"),
        (
            PREFERRED + '"A"@en .',
            "has no skos:definition and no rdfs:subClassOf",
        ),
        (
            PREFERRED + '"Density"@en ; <http://www.w3.org/2004/02/skos/core#definition> "x" ; '
            "<http://www.w3.org/2000/01/rdf-schema#subClassOf> <urn:x:B> .",
            "'Density' is https://w3id.org/emmo#EMMO_06448f64_8db6_4304_8b2c_e785dba82044 already",
        ),
    ],
)
def test_a_bad_file_of_terms_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mylab.ttl"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_vocabulary([path])
    assert caught.value.where == str(path)


def test_a_term_is_shown_with_its_units(labmesh: Command) -> None:
    shown = labmesh("term", "show", "IonicConductivity", "--json").json
    assert shown["iri"] == vocabulary().iri("IonicConductivity")
    assert "ElectricConductivity" in shown["above"]
    assert shown["units"]["S/m"] == vocabulary().unit("S/m")
    assert "ionic conduction" in shown["definition"]


def test_what_is_found_is_ranked(labmesh: Command) -> None:
    found = labmesh("term", "find", "coin", "cell", "--json", "--limit", "2").json
    assert [each["label"] for each in found] == ["CoinCell", "CoinCellAssembly"]


@pytest.mark.parametrize("what", ["asab", "conductivity/two_electrode", "messages.cell:Cell"])
def test_a_node_a_capability_and_a_model_are_checked(labmesh: Command, what: str) -> None:
    assert not any(labmesh("term", "check", what, "--json").json.values())


def test_what_cannot_be_checked_is_said(labmesh: Command) -> None:
    assert "cannot import messages.cell:Cel" in labmesh("term", "check", "messages.cell:Cel").err
    assert "declares no capability" in labmesh("term", "check", "clock").err
    assert "nearest: IonicConductivity" in labmesh("term", "show", "IonicConductivities").err
