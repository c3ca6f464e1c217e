"""Strangers read the crates of the recorded labs: none of these readers is ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from labmesh.crate import CrateDescription, check_crate, write_crate, zip_crate
from labmesh.semantics import ontology
from tests.labmesh.crate._ledger import MemoryLedger, add_table
from tests.labmesh.crate.conftest import Made
from tests.support.roc_validator import roc_validate

SUPPORT = Path(__file__).parents[2] / "support"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "ontology"


def metadata(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    return found


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    return {each["@id"]: each for each in metadata(folder)["@graph"]}


def contents(folder: Path) -> dict[str, bytes]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


def triples(folder: Path) -> Any:
    import rdflib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own reader
        return rdflib.Graph().parse(folder / "metadata.jsonld", format="json-ld")


async def test_the_same_record_gives_the_same_bytes(
    ledger: MemoryLedger,
    said: CrateDescription,
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: 1e9)  # at another time
    add_table(ledger)
    await write_crate(ledger, "acid", tmp_path / "crate", said)
    assert contents(tmp_path / "crate") == contents(small)


def test_the_recorded_labs_crates_are_sound(eol: Made, conductivity: Made) -> None:
    assert check_crate(eol.folder, shapes=False) == ()
    assert check_crate(conductivity.folder, shapes=False) == ()
    for each in (eol, conductivity):
        assert not each.summary.missing
        assert not each.summary.withheld
    assert {"BatteryCycling", "CoinCell", "test"} <= set(eol.summary.keywords)
    assert {"Conductometry", "IonicConductivity", "test"} <= set(conductivity.summary.keywords)


def test_others_whose_data_were_imported_are_named(conductivity: Made) -> None:
    found = entities(conductivity.folder)
    source = found["https://doi.org/10.1038/s41597-024-03575-8"]
    assert source["name"].startswith("CALiSol-23")
    assert found[source["license"]["@id"]]["identifier"] == "CC-BY-4.0"
    uses = [each for each in found.values() if each.get("object") == {"@id": source["@id"]}]
    assert len(uses) > 10
    text = (conductivity.folder / "README.md").read_text("utf-8")
    assert text.count("It holds data of others: CALiSol-23") == 1


def test_sha256sum_finds_every_file_as_it_was_written(eol: Made) -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "hashes.sha256"],
        cwd=eol.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": OK\n") == len(contents(eol.folder)) - 1


def test_rocrate_reads_it(small: Path) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(small)
    assert crate.name == "A campaign of the tests"
    assert [each["name"] for each in crate.root_dataset["creator"]] == [
        "Josiah Carberry", "Ada Example",
    ]  # fmt: skip
    assert crate.root_dataset["author"]["affiliation"].id == "https://ror.org/04t3en479"
    assert crate.license.id == "https://creativecommons.org/licenses/by/4.0/"
    described = {each.id for each in crate.data_entities if each.type == "File"}
    assert described | {"ro-crate-metadata.json"} == set(contents(small))
    actions = [each for each in crate.contextual_entities if each.type == "CreateAction"]
    trace = next(each for each in actions if each["name"] == "trace by logger")
    assert trace["startTime"] <= trace["endTime"]
    assert trace["agent"]["name"] == "kit"
    assert {each["name"] for each in trace["instrument"]} == {
        "kit/asab", "probe 7", "labmesh 0.1.0",
    }  # fmt: skip
    assert any(str(file.id).endswith(".parquet") for file in trace["result"])


def test_what_requirements_ask_of_a_data_set_is_said(small: Path) -> None:
    found = entities(small)
    root = found["./"]
    assert int(root["retain_until"][:4]) - int(root["datePublished"][:4]) >= 10
    year, month, day = root["datePublished"].split("-")
    assert root["version"].startswith(f"{year}.{int(month)}.{int(day)}+")
    assert (root["access"], root["conditionsOfAccess"]) == ("public", "public")
    assert found[root["contactPoint"]["@id"]]["email"] == "ada@example.org"
    for each in found.values():
        if each["@type"] == "File":
            assert each["encodingFormat"]
            assert each["contentSize"]
            assert each["@id"] == "hashes.sha256" or len(each["sha256"]) == 64


def test_it_is_what_an_eln_file_must_be(eol: Made, small: Path, tmp_path: Path) -> None:
    """The schema is TheELNConsortium's, TheELNFileFormat/tests/schema.json at 401e7aa (MIT)."""
    schema = json.loads((SUPPORT / "eln_schema.json").read_text("utf-8"))
    for each in (eol.folder, small):
        jsonschema_rs.validator_for(schema).validate(metadata(each))
    zip_crate(small, tmp_path / "one.eln")
    shutil.copytree(small, tmp_path / "copy")
    for file in (tmp_path / "copy").rglob("*"):
        os.utime(file, (1e9, 1e9))
    (tmp_path / "x").mkdir()
    zip_crate(tmp_path / "copy", tmp_path / "x" / "one.eln")
    assert (tmp_path / "one.eln").read_bytes() == (tmp_path / "x" / "one.eln").read_bytes()
    listed = subprocess.run(
        ["unzip", "-Z1", tmp_path / "one.eln"], capture_output=True, text=True, check=True
    )
    assert set(listed.stdout.splitlines()) == {f"one/{name}" for name in contents(small)}


def same_tables(folder: Path) -> int:
    """Compare every Parquet table with its CSV; return how many there are."""
    import pandas as pd

    count = 0
    for result in json.loads((folder / "results.json").read_text("utf-8")):
        for item in result["artifacts"]:
            if item["csv"] is None:
                continue
            parquet = pd.read_parquet(folder / item["path"])
            csv = pd.read_csv(folder / item["csv"], dtype={"step_id": str})
            pd.testing.assert_frame_equal(parquet, csv, check_dtype=False, rtol=1e-15)
            described = json.loads((folder / f"{item['csv']}-metadata.json").read_text("utf-8"))
            columns = {each["name"]: each for each in described["tableSchema"]["columns"]}
            assert columns["voltage_volt"]["propertyUrl"].endswith("data-format#voltage_volt")
            assert list(columns) == list(csv.columns)
            assert described["url"] == Path(item["csv"]).name
            count += 1
    return count


def test_pandas_reads_parquet_csv_json_and_sqlite_alike(small: Path) -> None:
    import pandas as pd

    assert same_tables(small) == 1
    results = pd.read_json(small / "results.json")
    with closing(sqlite3.connect(small / "campaign.sqlite")) as tables:
        values = pd.read_sql("SELECT * FROM result_values WHERE path = 'value'", tables)
        words = pd.read_sql("SELECT table_name, column_name FROM described", tables)
        for name, columns in words[words.column_name != ""].groupby("table_name").column_name:
            found = pd.read_sql(f'SELECT * FROM "{name}" LIMIT 0', tables)  # noqa: S608
            assert list(found.columns) == list(columns)
        found = pd.read_sql("SELECT id FROM results", tables)
    assert list(found.id) == list(results.id)
    conductivities = values[values.unit == "S/m"]
    assert set(conductivities.number) == {0.5, 1.0}
    assert set(conductivities.term) == {"IonicConductivity"}


def test_the_readmes_lines_run(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (small / "README.md").read_text("utf-8")
    monkeypatch.chdir(small)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in blocks:
            found: dict[str, Any] = {}
            exec(compile(block, "README.md", "exec"), found)  # noqa: S102
            if "tables" in found:
                found["tables"].close()
    said = capsys.readouterr().out
    assert "entries, all sound" in said
    assert "triples" in said


def test_the_reference_question_is_answered(conductivity: Made) -> None:
    import rdflib

    question = (SHARED / "query_conductivity_lipf6.rq").read_text("utf-8")
    graph = rdflib.Graph(store="Oxigraph")
    for part in (triples(conductivity.folder), ontology()):
        for triple in part:
            graph.add(triple)
    answers = {float(str(row.value)) for row in graph.query(question)}  # type: ignore[union-attr]
    graph.close()
    measured = {
        each["data"]["conductivity"]["value"]
        for each in json.loads((conductivity.folder / "results.json").read_text("utf-8"))
        if each["method"] == "two_electrode"
    }
    assert measured
    assert measured <= answers


def test_roc_validator_finds_nothing(small: Path) -> None:
    verdict = roc_validate(small)
    assert verdict.passed, verdict.issues
    assert not verdict.missed


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["eol", "conductivity"])
def test_the_recorded_labs_satisfy_every_reader(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    crate: Made = request.getfixturevalue(name)
    assert check_crate(crate.folder) == ()
    assert same_tables(crate.folder) == (2 if name == "eol" else 0)
    zip_crate(crate.folder, tmp_path / "crate.eln")
    for each in (crate.folder, tmp_path / "crate.eln"):
        verdict = roc_validate(each)
        assert verdict.passed, verdict.issues
        assert not verdict.missed
