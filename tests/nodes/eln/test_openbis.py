"""openBIS: real pyBIS over real HTTP, against a stub of the protocol; no openBIS server."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import rdflib

from labmesh.semantics import vocabulary
from messages.errors import ConfigurationError, MissingProgramError
from nodes.eln import ElnParameters
from nodes.eln._notebooks import OpenBisNotebook, make_notebook
from nodes.eln._openbis_deploy import Written, deploy_openbis
from nodes.eln._openbis_plan import Plan, code_of, plan
from nodes.eln._openbis_session import NotebookError, OpenBis
from nodes.eln._openbis_types import make_types
from nodes.eln._story import Story, read_story
from nodes.eln._tree import tree_of
from nodes.eln._work import notebook
from tests.nodes.eln.conftest import Declared, Told
from tests.support.openbis_server import TOKEN, OpenBisServer, RefusalError

PLACE = "/LABMESH/CAMPAIGNS"


@pytest.fixture(scope="session")
def typed() -> OpenBisServer:
    """A server that has our types already."""
    with OpenBisServer() as server:
        make_types(OpenBis(server.url, TOKEN))
    return server


@pytest.fixture
def empty() -> Iterator[OpenBisServer]:
    with OpenBisServer() as server:
        yield server


@pytest.fixture
def server(empty: OpenBisServer, typed: OpenBisServer) -> OpenBisServer:
    empty.take_types_of(typed)
    return empty


_PLANS: dict[int, Plan] = {}


def plan_of(story: Story) -> Plan:
    """Return a story's plan; its documents are made once."""
    return _PLANS.setdefault(id(story), plan(story))


async def deployed(
    server: OpenBisServer, told: Told, story: Story | None = None, *, dry_run: bool = False
) -> Written:
    session = await asyncio.to_thread(OpenBis, server.url, TOKEN, patience=20)
    return await deploy_openbis(
        session, told.record, plan_of(story or told.story), space="labmesh", project="campaigns",
        dry_run=dry_run,
    )  # fmt: skip


def cells_of(told: Told) -> list[str]:
    return [each.id for each in told.story.samples.values() if each.kind == "coin_cell"]


def created(server: OpenBisServer) -> list[str]:
    return [each for each in server.calls if each.startswith(("create", "update", "upload"))]


def parents(server: OpenBisServer, identifier: str) -> set[str]:
    """Return the types of an object's parents."""
    found = server.samples[identifier]["parents"]
    return {server.samples[each["identifier"]["identifier"]]["type"]["code"] for each in found}


async def test_a_campaign_is_deployed_step_by_step(server: OpenBisServer, eol: Told) -> None:
    dry = await deployed(server, eol, dry_run=True)
    assert dry.created["CELL"] == len(cells_of(eol))
    assert not created(server)
    await new_states_are_added_and_nothing_else(server, eol)
    cells_stand_below_what_they_were_made_of(server, eol)
    before = server.counts()
    server.calls.clear()
    for dry_run in (False, True):
        assert not (await deployed(server, eol, dry_run=dry_run)).created
    assert not created(server)
    assert server.counts() == before


async def new_states_are_added_and_nothing_else(server: OpenBisServer, eol: Told) -> None:
    cell = next(each for each in eol.story.samples.values() if each.kind == "coin_cell")
    cycled = [each for each in cell.states if each.label in {"formed", "discharged"}]
    assert cycled
    younger = replace(
        eol.story,
        samples={
            **eol.story.samples,
            cell.id: replace(cell, states=[e for e in cell.states if e not in cycled]),
        },
        results={
            name: each for name, each in eol.story.results.items()
            if name not in {state.result for state in cycled}
        },
    )  # fmt: skip
    await deployed(server, eol, younger)
    there, data = set(server.samples), len(server.data_sets)
    written = await deployed(server, eol)
    new = {server.samples[each]["type"]["code"] for each in set(server.samples) - there}
    assert new == {"CELL_STATE", "CYCLING_PROCESS"}
    assert written.created["CELL_STATE"] == len(cycled)
    # The cycling's data, and the cell's longer history beside the shorter one.
    assert written.created["RESULT_DATA"] == 1
    assert len(server.data_sets) == data + 1 + written.created["LINKED_DATA"]
    assert f"{PLACE}/{code_of(cell.id)}" in there


def cells_stand_below_what_they_were_made_of(server: OpenBisServer, eol: Told) -> None:
    by_type: dict[str, list[str]] = {}
    for identifier, each in server.samples.items():
        by_type.setdefault(each["type"]["code"], []).append(identifier)
        # Every step has its time (PREMISE, deliverable 3.4).
        assert each["properties"]["LABMESH_AT"]
        if each["type"]["code"] in {"ASSEMBLY", "CYCLING_PROCESS", "ELECTROLYTE", "CELL"}:
            said = each["properties"]
            assert said["LABMESH_BEGUN"] <= said["LABMESH_ENDED"] <= said["LABMESH_AT"]
            assert said["LABMESH_SIMULATED"] is True or said["LABMESH_SIMULATED"] == "true"
    expected: dict[str, list[set[str]]] = {
        "COMPONENT": [set()], "ELECTROLYTE": [{"COMPONENT"}],
        "ASSEMBLY": [{"ELECTROLYTE", "COMPONENT"}], "CELL": [{"ASSEMBLY"}],
        "CYCLING_PROCESS": [{"CELL", "CELL_STATE"}],
        "CELL_STATE": [{"CELL", "ASSEMBLY"}, {"CELL", "CELL_STATE"},
                       {"CELL", "CELL_STATE", "CYCLING_PROCESS"}],
        "ELECTROLYTE_STATE": [{"ELECTROLYTE"}, {"ELECTROLYTE", "ELECTROLYTE_STATE"},
                              {"ELECTROLYTE", "ELECTROLYTE_STATE", "ASSEMBLY"}],
    }  # fmt: skip
    assert set(by_type) == set(expected)
    for kind, identifiers in by_type.items():
        for identifier in identifiers:
            assert parents(server, identifier) in expected[kind], identifier
    assert len(server.samples) == len(plan_of(eol.story).things)

    for sample in eol.story.samples.values():
        assert f"{PLACE}/{code_of(sample.id)}" in server.samples
    assert len(by_type["CELL_STATE"]) == sum(
        len(each.states) for each in eol.story.samples.values() if each.kind == "coin_cell"
    )  # fmt: skip
    # The data of a cell's cycling belong to its process, its history to the cell.
    data = [each for each in server.data_sets.values()
            if each["sample"] and each["sample"]["type"]["code"] == "CYCLING_PROCESS"]  # fmt: skip
    assert len(data) == len(by_type["CYCLING_PROCESS"])
    for each in data:
        suffixes = {Path(name).suffix for name in each["files"]}
        assert suffixes >= {".parquet", ".json", ".jsonld"}
    linked = [each for each in server.data_sets.values()
              if each["sample"] and each["sample"]["type"]["code"] == "CELL"
              and each["type"]["code"] == "LINKED_DATA"]  # fmt: skip
    # One of each cell, and the older one of the cell that lived on.
    assert len(linked) == len(by_type["CELL"]) + 1
    for each in linked:
        document = each["files"]["metadata.jsonld"]
        with pytest.warns(DeprecationWarning, match="ConjunctiveGraph"):
            assert len(rdflib.Graph().parse(data=document, format="json-ld")) > 500


def test_types_carry_the_terms_they_stand_for(typed: OpenBisServer) -> None:
    said = {
        (each["entityType"] or each["propertyType"])["code"]: each["descriptorAccessionId"]
        for each in typed.annotations
    }
    known = vocabulary()
    assert said["CELL"] == known.iri("BatteryCell")
    assert said["ELECTROLYTE"] == known.iri("ElectrolyteSolution")
    assert said["CYCLING_PROCESS"] == known.iri("CyclingTest")
    assert said["LABMESH_BEGUN"] == "http://www.w3.org/ns/prov#startedAtTime"
    assert len(said) == len(typed.annotations)


@pytest.mark.slow
async def test_it_goes_on_wherever_it_was_broken_off(
    empty: OpenBisServer, conductivity: Told
) -> None:
    with OpenBisServer() as whole:
        await deployed(whole, conductivity)
        expected, codes = whole.counts(), set(whole.samples)
    left, runs = [0], 0

    def fail(method: str) -> None:
        if method.startswith(("create", "upload")):
            left[0] -= 1
            if left[0] <= 0:
                raise RefusalError("the line is dead")

    empty.before = fail
    while True:
        runs += 1
        left[0] = 23
        with suppress(NotebookError):
            await deployed(empty, conductivity)
            break
    assert runs > 4
    assert empty.counts() == expected
    assert set(empty.samples) == codes
    contents = [e["properties"]["LABMESH_SHA256"] for e in empty.data_sets.values()]
    assert len(contents) == len(set(contents))


async def test_it_goes_on_after_kill_9(
    server: OpenBisServer, conductivity: Told, tmp_path: Path
) -> None:
    key = tmp_path / "token"
    key.write_text(TOKEN)
    key.chmod(0o600)
    words = [
        str(Path(sys.executable).with_name("labmesh")), "eln", "deploy", "conductivity",
        f"--url={server.url}", f"--token-file={key}", "--json",
        f"--ledger-file={conductivity.lab.ledger}",
    ]  # fmt: skip
    child: list[int] = []

    def kill(method: str) -> None:
        if method == "createUploadedDataSet" and server.calls.count(method) == 3:
            os.kill(child.pop(), signal.SIGKILL)

    server.before = kill
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    child.append(process.pid)
    out, errors = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert TOKEN.encode() not in out + errors
    written = await deployed(server, conductivity)
    assert not written.created["COMPONENT"]
    assert written.created["RESULT_DATA"] > 0
    wanted = plan_of(conductivity.story)
    assert len(server.samples) == len(wanted.things)
    assert len(server.data_sets) == len(wanted.data_sets)


async def test_an_upload_that_is_not_whole_is_deleted_again(
    server: OpenBisServer, conductivity: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = server.upload

    def lossy(query: dict[str, list[str]], content: bytes) -> dict[str, object]:
        whole(query, content[:-1])
        return {"size": len(content), "status": "ok"}

    monkeypatch.setattr(server, "upload", lossy)
    with pytest.raises(NotebookError, match="was not uploaded whole, and is deleted again"):
        await deployed(server, conductivity)
    assert not server.data_sets


async def test_a_type_of_somebody_else_is_not_touched(
    empty: OpenBisServer, conductivity: Told
) -> None:
    server = empty
    server._types_create(
        "Sample", [{"code": "CELL", "description": "a yeast cell", "generatedCodePrefix": "C"}]
    )
    with pytest.raises(ConfigurationError, match="has a type CELL that is not ours"):
        await deployed(server, conductivity)
    assert not server.types["Sample"]["CELL"]["propertyAssignments"]
    assert not server.samples


async def test_what_is_restricted_goes_without_files_and_what_is_confidential_not_at_all(
    eol: Told,
) -> None:
    secret, other = cells_of(eol)[:2]
    record = Declared(
        eol.record,
        {"subject": "sample", "name": secret, "level": "confidential"},
        {"subject": "sample", "name": other, "level": "restricted"},
    )
    wanted = plan(await read_story(record, "eol"))
    sent = [*wanted.things, *wanted.data_sets, *(e.documents() for e in wanted.data_sets)]
    assert secret.upper() not in str(sent).upper()
    assert code_of(other) in {each.code for each in wanted.things}
    cycled = [each for each in wanted.data_sets if each.owner.startswith("CYCLING-")]
    assert len(cycled) == len(cells_of(eol)) - 1
    (kept,) = [each for each in cycled if other in each.said["NAME"]]
    assert not kept.artifacts
    files = len(eol.story.results[kept.said["RESULT"]].files)
    assert kept.said["NOTE"] == f"{files} files are restricted and not here"
    assert kept.said["CONTACT"] == "ada@kit.example"


def test_a_plan_is_shown_as_a_tree(eol: Told) -> None:
    lines = tree_of(plan_of(eol.story), "labmesh", "campaigns")
    assert lines[0].startswith(PLACE)
    depth = {line.split()[0]: len(line) - len(line.lstrip()) for line in lines}
    assert depth["COMPONENT"] < depth["ELECTROLYTE"]
    assert depth["ASSEMBLY"] < depth["CELL"] < depth["CYCLING_PROCESS"]
    assert sum("[RESULT_DATA]" in line for line in lines) == len(eol.story.results)


async def test_the_token_is_told_to_nobody(
    server: OpenBisServer,
    conductivity: Told,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "$pat-nobody-123456"
    said = []
    with pytest.raises(ConfigurationError, match="does not know this token") as refused:
        await asyncio.to_thread(OpenBis, server.url, wrong)
    said.append(str(refused.value))

    def fail(method: str) -> None:
        if method == "createSamples":
            # A real server names the session of a request that it refuses.
            raise RefusalError(f"session {TOKEN} may not do that")

    server.before = fail
    with pytest.raises(NotebookError, match=r"session \(token\) may not do that") as error:
        await deployed(server, conductivity)
    said.append(str(error.value))
    server.before = lambda _method: None
    session = await asyncio.to_thread(OpenBis, server.url, TOKEN)
    server.url = "http://127.0.0.1:9"  # where uploads go: their addresses have the token in them
    with pytest.raises(NotebookError) as error:
        await deploy_openbis(
            session, conductivity.record, plan_of(conductivity.story), space="a", project="b"
        )
    said.append(str(error.value))
    heard = "".join((*said, caplog.text, *capfd.readouterr()))
    assert TOKEN not in heard
    assert wrong not in heard


def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "token"
    key.write_text(TOKEN)
    key.chmod(0o644)

    def made(**said: str) -> OpenBisNotebook:
        found = make_notebook(system="openbis", folder=tmp_path, **said)  # type: ignore[arg-type]
        assert isinstance(found, OpenBisNotebook)
        return found

    with pytest.raises(ConfigurationError, match="no address of the openbis server"):
        made()
    with pytest.raises(ConfigurationError, match="would travel unencrypted"):
        made(url="http://openbis.example.org", token_file=str(key))
    with pytest.raises(ConfigurationError, match="no address of a notebook"):
        made(url="openbis", token_file=str(key))
    with pytest.raises(ConfigurationError, match="can be read or changed by others"):
        made(url="https://openbis.example.org", token_file=str(key))
    with pytest.raises(ConfigurationError, match="there is no token"):
        made(url="https://openbis.example.org")
    parameters = ElnParameters(system="openbis", url="https://openbis.example.org")
    with pytest.raises(ConfigurationError, match="there is no token"):
        notebook(parameters, tmp_path)
    monkeypatch.setenv("LABMESH_OPENBIS_TOKEN", TOKEN)
    found = notebook(parameters, tmp_path)
    assert isinstance(found, OpenBisNotebook)
    assert TOKEN not in repr(found)
    assert made(url="https://openbis.example.org/").url == "https://openbis.example.org"


def test_a_missing_pybis_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybis", None)
    with pytest.raises(MissingProgramError, match="pyBIS is not installed") as error:
        OpenBis("https://openbis.example.org", TOKEN)
    assert "labmesh[openbis]" in error.value.remedy
