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


async def test_a_campaign_is_imported_once(
    server: ElabFtwServer, key: str, conductivity: Told
) -> None:
    story = conductivity.story
    samples, results = len(story.samples), len(story.results)
    dry = await deployed(server, conductivity, dry_run=True)
    assert counted(dry) == {"items": (samples, 0), "experiments": (results, 0)}
    assert not any(server.entries.values())
    first = await deployed(server, conductivity)
    assert counted(first) == counted(dry)
    assert "never against an eLabFTW server" in first.verified
    assert {kind: len(each) for kind, each in server.entries.items()} == {
        "items": samples, "experiments": results,
    }  # fmt: skip
    measured = [each for each in server.entries["experiments"] if "data.conductivity"
                in each["fields"]]  # fmt: skip
    assert len(measured) >= 4
    assert measured[0]["fields"]["data.conductivity"]["unit"] == "S/m"
    assert "simulated" in measured[0]["tags"]
    assert measured[0]["links"]
    assert {"result.json", "metadata.jsonld"} <= set(measured[0]["files"])
    again = await deployed(server, conductivity)
    assert counted(again) == {"items": (0, samples), "experiments": (0, results)}
    assert server.imports == 1


async def test_only_what_is_missing_is_sent(
    server: ElabFtwServer, key: str, conductivity: Told
) -> None:
    last = list(conductivity.story.results)[-1]
    older = replace(
        conductivity.story,
        results={n: each for n, each in conductivity.story.results.items() if n != last},
    )
    await deployed(server, replace(conductivity, story=older))
    said = await deployed(server, conductivity)
    assert counted(said)["experiments"] == (1, len(older.results))
    assert counted(said)["items"] == (0, len(older.samples))
    titles = [each["title"] for each in server.entries["experiments"]]
    assert len(titles) == len(set(titles)) == len(conductivity.story.results)


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
