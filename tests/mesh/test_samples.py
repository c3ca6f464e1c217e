"""Samples through processes and the command line, from birth to doubt and on from there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from messages.ids import new_id
from messages.ledger import FromState
from tests.mesh.conftest import Lab
from tests.support import Completed, Running

PROGRAM = "tests.mesh.sample_node:CellNode"


@pytest.fixture
async def cells(lab: Lab) -> Running:
    """A node that makes cells, its offers known."""
    node = await lab.start(PROGRAM, "cells")
    await lab.until_offered("formation")
    return node


async def labmesh(lab: Lab, *arguments: str) -> Completed:
    """Run the command line in a process of its own."""
    where = {"LABMESH_MQTT": lab.place.mqtt, "LABMESH_SITE": "kit",
             "LABMESH_LEDGER": "kit/broker", "LABMESH_DATA_DIR": str(lab.folder)}  # fmt: skip
    running = await lab.processes.labmesh(*arguments, env=where)
    code = await running.wait()
    return Completed(code, "\n".join(running.stdout), "\n".join(running.stderr))


async def answer(lab: Lab, *arguments: str) -> Any:
    """Return what a command says as JSON."""
    done = await labmesh(lab, *arguments, "--json")
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


async def refused(lab: Lab, *arguments: str) -> str:
    """Return why a command did not succeed."""
    done = await labmesh(lab, *arguments)
    assert done.code == 1, done
    return done.stderr


async def make(lab: Lab, cell: str) -> None:
    """Let a cell be born."""
    await lab.client.request("cell", "assembly", {"cell": cell})


async def form(lab: Lab, cell: str, state: int, *more: str) -> Completed:
    """Ask for a formation, and wait for its end."""
    return await labmesh(
        lab, "request", "send", "cell", "formation", "--from-state", f"{cell}:{state}", "--wait",
        "-s", f"cell={cell}", "-s", f"state={state}", *more,
    )  # fmt: skip


@pytest.mark.usefixtures("cells")
async def test_from_birth_to_doubt_and_on(lab: Lab) -> None:
    await make(lab, "c-1")
    await make(lab, "c-2")
    assert (await form(lab, "c-1", 0)).code == 0
    assert "'c-1' is in state 1, not 0" in (await form(lab, "c-1", 0)).stderr
    assert "'ghost' is not known" in (await form(lab, "ghost", 0)).stderr

    broke = await form(lab, "c-1", 1, "-s", "trouble=sparks")
    assert "ZeroDivisionError: sparks" in broke.stderr
    shorted = await form(lab, "c-2", 0, "-s", "trouble=short circuit")
    assert "the cell is shorted" in shorted.stderr

    listed = await answer(lab, "sample", "list")
    assert [(s["sample"], s["state"], s["label"]) for s in listed] == [
        ("c-2", 1, "shorted"), ("c-1", 2, "unknown"),
    ]  # fmt: skip
    unknown = await answer(lab, "sample", "list", "--label", "unknown", "--kind", "coin_cell")
    assert [s["sample"] for s in unknown] == ["c-1"]
    # Where it was last seen is where to look for it.
    there = await answer(lab, "sample", "list", "--location", "channel 3", "--made-of", "vial-1")
    assert [s["sample"] for s in there] == ["c-2", "c-1"]
    assert await answer(lab, "sample", "list", "--kind", "battery") == []
    table = (await labmesh(lab, "sample", "list")).stdout.splitlines()
    assert table[0].split() == ["SAMPLE", "KIND", "STATE", "LABEL", "LOCATION", "BORN"]
    assert table[2].split()[:4] == ["c-1", "coin_cell", "2", "unknown"]

    shown = await answer(lab, "sample", "show", "c-1")
    assert [(s["label"], s["outcome"]) for s in shown["states"]] == [
        ("assembled", "resolved"), ("formed", "resolved"), ("unknown", "failed"),
    ]  # fmt: skip
    failed = shown["states"][-1]["result"]
    text = (await labmesh(lab, "sample", "show", "c-1")).stdout
    assert "cell/formation, failed" in text
    assert "vial-1" in text
    assert failed in text
    back = (await labmesh(lab, "result", "show", failed)).stdout
    assert "sample c-1 in state 2, unknown" in back

    # Nobody goes on from there before somebody has looked at it, and says so.
    blocked = await form(lab, "c-1", 2)
    assert blocked.code == 1
    assert "labmesh sample resolve c-1 --label LABEL --reason TEXT" in blocked.stderr
    word = ("--label", "formed", "--reason", "it is whole", "--person", "ada")
    assert (await answer(lab, "sample", "resolve", "c-1", *word))["state"] == 3
    assert (await form(lab, "c-1", 3)).code == 0
    assert (await answer(lab, "sample", "show", "c-1"))["sample"]["label"] == "formed"


@pytest.mark.usefixtures("cells")
async def test_wrong_use_of_the_command_line(lab: Lab) -> None:
    assert "no sample 'ghost'" in await refused(lab, "sample", "show", "ghost")
    assert "labmesh sample list" in await refused(lab, "sample", "show", "ghost")
    said = await refused(lab, "sample", "list", "--kind", "No Kind")
    assert "query.samples.kind" in said
    empty = await labmesh(lab, "sample", "list")
    assert (empty.code, empty.stdout) == (0, "")
    assert "no such samples" in empty.stderr
    assert "no request" in await refused(lab, "request", "release", str(new_id()))
    assert "is no id" in await refused(lab, "request", "abandon", "nonsense!")


async def test_a_person_decides(lab: Lab, cells: Running) -> None:
    await make(lab, "c-1")
    asks = {"cell": "c-1", "seconds": 60.0}
    start = FromState(sample="c-1", state=0)
    handle = await lab.client.submit("cell", "formation", asks, from_state=start)
    await lab.until_status(handle.id, "running")
    request = str(handle.id)
    for decision in ("release", "abandon"):
        said = await refused(lab, "request", decision, request)
        assert "is running; only a held one is decided" in said

    cells.kill()
    await cells.wait()
    await lab.until_status(handle.id, "held")
    released = await answer(lab, "request", "release", request, "--person", "ada", "--reason", "ok")
    assert released["status"] in ("pending", "reserved", "running")
    assert "only a held one is decided" in await refused(lab, "request", "release", request)
    other = await lab.start(PROGRAM, "others")
    await lab.until_status(handle.id, "running")

    other.kill()
    await other.wait()
    await lab.until_status(handle.id, "held")
    assert (await answer(lab, "request", "abandon", request))["status"] == "abandoned"
    for decision in ("release", "abandon"):
        assert "is abandoned already" in await refused(lab, "request", decision, request)
    log = (await answer(lab, "request", "show", request))["log"]
    words = [line["message"] for line in log if line["before"] == "held"]
    assert words[0] == "released by ada: ok"
    assert words[1].startswith("abandoned by ")
    # The release vouched for the sample, the abandonment did not.
    shown = await answer(lab, "sample", "show", "c-1")
    assert [s["label"] for s in shown["states"]] == ["assembled", "unknown"]
    assert shown["states"][1]["author"] == "kit/broker"
