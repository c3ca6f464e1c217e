"""A recorded campaign as an .eln file, opened by independent readers."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import rdflib
from rocrate.rocrate import ROCrate

from labmesh.crate import Author, CrateDescription
from messages.errors import ConfigurationError
from nodes.eln._documents import Documents
from nodes.eln._export import Exported, export
from nodes.eln._story import Story, read_story
from tests.nodes.eln.conftest import Declared, Told
from tests.support.roc_validator import ROOT, roc_validate

# rdflib reads JSON-LD into a graph that it has deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

SCHEMA = ROOT / "tests" / "support" / "eln_schema.json"
SAID = CrateDescription(
    title="A campaign", authors=(Author(name="Lovelace, Ada", orcid="0000-0002-1825-0097"),)
)


_WRITTEN: dict[str, tuple[Exported, Path]] = {}


async def written(told: Told, folder: Path) -> tuple[Exported, Path]:
    """Return a campaign's file, made once, and what is in it."""
    if told.lab.campaign not in _WRITTEN:
        done = await export(told.record, told.story, folder / "campaign.eln", SAID)
        with zipfile.ZipFile(done.path) as archive:
            archive.extractall(folder / "out")
        _WRITTEN[told.lab.campaign] = done, folder / "out" / "campaign"
    return _WRITTEN[told.lab.campaign]


def graph_of(root: Path) -> dict[str, Any]:
    document = json.loads((root / "ro-crate-metadata.json").read_bytes())
    return {node["@id"]: node for node in document["@graph"]}


async def test_a_campaign_is_what_the_format_asks_for(campaign: Told, tmp_path: Path) -> None:
    done, root = await written(campaign, tmp_path)
    document = json.loads((root / "ro-crate-metadata.json").read_bytes())
    schema = json.loads(SCHEMA.read_bytes())
    checker = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert not [str(error) for error in checker.iter_errors(document)]
    graph = graph_of(root)
    assert len(graph) == len(document["@graph"])
    crate = ROCrate(root)
    assert crate.name == "A campaign"
    files = {each.id: each for each in crate.get_by_type("File")}
    named = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert {name.removeprefix("./") for name in files} == named - {"ro-crate-metadata.json"}
    assert len(files) == done.files
    for name, node in graph.items():
        if node["@type"] == "File":
            content = (root / name).read_bytes()
            assert node["sha256"] == sha256(content).hexdigest()
            assert node["contentSize"] == str(len(content))
    told = {each["@id"] for each in graph["./"]["hasPart"]}
    begun = sum(each.simulated for each in campaign.story.results.values())
    assert sum("Simulated" in graph[each]["description"] for each in told) >= begun > 0
    assert len(told) == len(campaign.story.samples) + len(campaign.story.results)
    for entry in told:
        node = graph[entry]
        assert node["@type"] == "Dataset"
        assert node["name"]
        simulated = "simulated" in node["keywords"].split(",")
        assert node["text"].startswith("<p>Simulated") == simulated
        assert node["dateCreated"].endswith("+00:00")
        assert graph[node["author"]["@id"]]["name"] == "Ada Lovelace"
        assert all(each["@id"] in graph for each in node.get("mentions", ()))


async def test_the_same_record_gives_the_same_bytes(conductivity: Told, tmp_path: Path) -> None:
    first, _ = await written(conductivity, tmp_path)
    again = await read_story(conductivity.record, conductivity.lab.campaign)
    (tmp_path / "again").mkdir()
    target = tmp_path / "again" / "campaign.eln"
    second = await export(conductivity.record, again, target, SAID)
    assert second == replace(first, path=target)
    assert target.read_bytes() == first.path.read_bytes()


async def test_values_come_with_units_terms_and_uncertainty(
    conductivity: Told, tmp_path: Path
) -> None:
    _, root = await written(conductivity, tmp_path)
    graph = graph_of(root)
    found = [node for node in graph.values() if node.get("propertyID") == "data.conductivity"]
    assert len(found) >= 4
    for node in found:
        assert node["unitText"] == "S/m"
        assert 0 < node["value"] < 10
        assert node["description"].startswith("standard uncertainty")
    entry = next(
        node for node in graph.values()
        if {"@id": found[0]["@id"]} in node.get("variableMeasured", ())
    )  # fmt: skip
    fields = [graph[each["@id"]] for each in entry["variableMeasured"]]
    (extra,) = [each for each in fields if each["propertyID"] == "elabftw_metadata"]
    assert json.loads(extra["value"])["extra_fields"]["data.conductivity"]["unit"] == "S/m"
    (ours,) = [each for each in fields if each["propertyID"] == "labmesh_id"]
    assert ours["value"] == entry["identifier"]


async def test_a_cells_linked_data_lead_back_to_its_bottles(eol: Told, tmp_path: Path) -> None:
    _, root = await written(eol, tmp_path)
    cell = next(each for each in eol.story.samples.values() if each.kind == "coin_cell")
    linked = rdflib.Graph().parse(root / "samples" / cell.id / "metadata.jsonld")
    bottles = [e.id for e in eol.story.samples.values() if e.kind == "stock_solution"]
    assert bottles
    for bottle in bottles:
        assert (rdflib.URIRef(f"urn:labmesh:sample:{bottle}"), None, None) in linked
    # Merged, it says all that the entries say, and nothing else.
    documents, parts = Documents(eol.story), rdflib.Graph()
    for entry in documents.history(cell):
        parts.parse(data=json.dumps(documents._document(entry)), format="json-ld")
    assert set(linked) == set(parts)


@pytest.mark.slow
async def test_roc_validator_takes_a_part_of_a_campaign(conductivity: Told, tmp_path: Path) -> None:
    last = list(conductivity.story.results.values())[-1]
    some = {last.id, *last.about}
    target = tmp_path / "campaign.eln"
    done = await export(conductivity.record, conductivity.story, target, SAID, only=some)
    assert (done.results, done.samples) == (1, len(last.about))
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "out")
    verdict = roc_validate(tmp_path / "out" / "campaign", profile="ro-crate-1.1")
    assert verdict.passed, verdict.issues
    assert not verdict.missed


@pytest.mark.slow
async def test_roc_validator_takes_whole_campaigns(campaign: Told, tmp_path: Path) -> None:
    _, root = await written(campaign, tmp_path)
    verdict = roc_validate(root, profile="ro-crate-1.1")
    assert verdict.passed, verdict.issues
    assert not verdict.missed


async def test_sampledb_gets_the_context_that_it_insists_on(
    conductivity: Told, tmp_path: Path
) -> None:
    target, some = tmp_path / "plain.eln", {next(iter(conductivity.story.results))}
    await export(
        conductivity.record, conductivity.story, target, CrateDescription(), only=some, plain=True
    )
    with zipfile.ZipFile(target) as archive:
        document = json.loads(archive.read("plain/ro-crate-metadata.json"))
    assert document["@context"] == "https://w3id.org/ro/crate/1.1/context"
    nodes = {each["@id"]: each for each in document["@graph"]}
    assert nodes["ro-crate-metadata.json"]["version"] == "1.1"
    # Authors are people, and addresses lead into the web; of neither there is one.
    assert not any("author" in each or "url" in each for each in document["@graph"]
                   if each["@type"] == "Dataset")  # fmt: skip


async def test_a_target_that_cannot_be_is_refused(conductivity: Told, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"does not end in \.eln"):
        await export(conductivity.record, conductivity.story, tmp_path / "x.zip", SAID)
    with pytest.raises(ConfigurationError, match="no such folder"):
        await export(conductivity.record, conductivity.story, tmp_path / "no" / "x.eln", SAID)
    with pytest.raises(ConfigurationError, match="no results in this ledger"):
        await read_story(conductivity.record, "other")


def texts(root: Path) -> str:
    return "".join(
        each.read_text(errors="replace") for each in root.rglob("*") if each.is_file()
    )  # fmt: skip


async def declared(told: Told, folder: Path, **said: str) -> tuple[Story, Path]:
    record = Declared(told.record, said)
    story = await read_story(record, told.lab.campaign)
    folder.mkdir()
    await export(record, story, folder / "x.eln", CrateDescription())
    with zipfile.ZipFile(folder / "x.eln") as archive:
        archive.extractall(folder)
    return story, folder / "x"


async def test_what_is_confidential_never_goes(eol: Told, tmp_path: Path) -> None:
    cells = [e.id for e in eol.story.samples.values() if e.kind == "coin_cell"]
    secret, open_one = cells[:2]
    story, root = await declared(
        eol, tmp_path / "one", subject="sample", name=secret, level="confidential"
    )
    assert secret not in texts(root)
    assert open_one in texts(root)
    assert story.withheld >= 4  # the cell, its cycling, its prediction, its assembly
    assert not any(secret in each.about for each in story.results.values())
    with pytest.raises(ConfigurationError, match="is confidential"):
        await declared(
            eol, tmp_path / "all", subject="campaign", name="eol", level="confidential"
        )  # fmt: skip


async def test_what_is_restricted_goes_without_its_files_and_says_whom_to_ask(
    eol: Told, tmp_path: Path
) -> None:
    story, root = await declared(
        eol, tmp_path / "one", subject="campaign", name="eol", level="restricted"
    )
    assert story.restricted == sum(bool(e.files) for e in eol.story.results.values()) > 0
    assert not list(root.rglob("*.parquet"))
    graph = graph_of(root)
    for result in eol.story.results.values():
        said = f"Restricted: {len(result.files)} files are not included. Ask ada@kit.example"
        assert (said in graph[f"./results/{result.id}/"]["text"]) == bool(result.files)
