"""eLabFTW: httpx over real HTTP, against a stub of its REST API; no eLabFTW server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from messages.eln import ElnDeploymentOutput
from messages.errors import ConfigurationError, LabmeshError
from nodes.eln._notebooks import make_notebook
from tests.nodes.eln.conftest import Told
from tests.support.elabftw_server import KEY, ElabFtwServer


@pytest.fixture
def server() -> Iterator[ElabFtwServer]:
    with ElabFtwServer() as server:
        yield server


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LABMESH_ELABFTW_KEY", KEY)
    return KEY


async def deployed(
    server: ElabFtwServer, told: Told, *, dry_run: bool = False
) -> ElnDeploymentOutput:
    notebook = make_notebook(system="elabftw", folder=Path(), url=server.url)
    return await notebook.deploy(
        told.record, told.story, dry_run=dry_run, tell=lambda _done, _total: None
    )


def counted(said: ElnDeploymentOutput) -> dict[str, tuple[int, int]]:
    return {each.kind: (each.created, each.present) for each in said.written}


async def test_what_is_missing_is_imported_once(
    server: ElabFtwServer, key: str, conductivity: Told
) -> None:
    story = conductivity.story
    samples, results = len(story.samples), len(story.results)
    last = list(story.results)[-1]
    older = replace(story, results={n: each for n, each in story.results.items() if n != last})
    dry = await deployed(server, conductivity, dry_run=True)
    assert counted(dry) == {"items": (samples, 0), "experiments": (results, 0)}
    assert not any(server.entries.values())
    await deployed(server, replace(conductivity, story=older))
    newer = await deployed(server, conductivity)
    assert counted(newer) == {"items": (0, samples), "experiments": (1, results - 1)}
    assert "never against an eLabFTW server" in newer.verified
    again = await deployed(server, conductivity)
    assert counted(again) == {"items": (0, samples), "experiments": (0, results)}
    assert server.imports == 2
    assert {kind: len(each) for kind, each in server.entries.items()} == {
        "items": samples, "experiments": results,
    }  # fmt: skip
    there = server.entries["experiments"]
    assert len({each["title"] for each in there}) == len(there)
    measured = [each for each in there if "data.conductivity" in each["fields"]]
    assert len(measured) >= 4
    assert measured[0]["fields"]["data.conductivity"]["unit"] == "S/m"
    assert "simulated" in measured[0]["tags"]
    assert measured[0]["links"]
    assert {"result.json", "metadata.jsonld"} <= set(measured[0]["files"])


async def test_a_refusal_is_told_in_words_without_the_key(
    server: ElabFtwServer, key: str, conductivity: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.broken = True
    with pytest.raises(LabmeshError, match="eLabFTW refuses: 500") as error:
        await deployed(server, conductivity)
    assert KEY not in str(error.value)
    monkeypatch.setenv("LABMESH_ELABFTW_KEY", "wrong")
    with pytest.raises(ConfigurationError, match="does not let this key do that"):
        await deployed(server, conductivity)
    await asyncio.to_thread(server.__exit__)
    with pytest.raises(LabmeshError, match="does not answer"):
        await deployed(server, conductivity)
