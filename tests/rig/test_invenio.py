"""The archiver against a real InvenioRDM: versions, reviews, its refusals, and kills."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from nodes.archiver._client import InvenioClient
from nodes.archiver._engine import Deposited
from nodes.archiver._errors import ArchiveError
from tests.nodes.archiver.deposits import FIRST, METADATA, SECOND, Archiver, archiver_at
from tests.nodes.archiver.engine_process import ledger
from tests.nodes.archiver.forks import archivers
from tests.rig import InvenioRig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InvenioRig]:
    with InvenioRig(tmp_path_factory.mktemp("invenio")) as made:
        yield made


def archiver(rig: InvenioRig, folder: Path, mark: str) -> AbstractAsyncContextManager[Archiver]:
    """Return an archiver on a store of its own, for a campaign of a mark of its own."""
    return archiver_at(
        rig.url, folder, token=lambda: rig.token, mark=_mark(mark), patience=60.0,
        settle=(0.0, 1.0),
    )  # fmt: skip


def _mark(number: str) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:0>12}"


def contents(rig: InvenioRig, found: Deposited, names: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a published record as anybody may download them."""
    base = f"{rig.url}/records/{found.record['id']}/files"
    return {name: httpx.get(f"{base}/{name}/content").content for name in names}


def file_ids(rig: InvenioRig, found: Deposited) -> dict[str, str]:
    entries = httpx.get(f"{rig.url}/records/{found.record['id']}/files").json()["entries"]
    return {each["key"]: each["file_id"] for each in entries}


async def test_it_creates_versions_and_publishes(rig: InvenioRig, tmp_path: Path) -> None:
    async with archiver(rig, tmp_path, "1") as lab:
        one = await lab.deposit(FIRST, by="one")
        assert one.published
        assert one.new
        assert contents(rig, one, FIRST) == FIRST
        again = await lab.deposit(FIRST, by="two")
        assert (again.record["id"], again.new) == (one.record["id"], False)
        two = await lab.deposit(SECOND, by="three")
        assert two.record["versions"]["index"] == 2
        assert two.record["parent"]["id"] == one.record["parent"]["id"]
        assert two.record["metadata"]["version"] == "2026.11.22.1"
        assert contents(rig, two, SECOND) == SECOND
        kept = "ledger-000000.msgpack.gz"
        before, after = file_ids(rig, one), file_ids(rig, two)
        assert before[kept] == after[kept]
        assert before["README.md"] != after["README.md"]
        # Other access of the same files: the same version, its identifiers as they were.
        three = await lab.deposit(
            SECOND, by="four", access={"record": "public", "files": "restricted"}
        )
        assert three.record["id"] == two.record["id"]
        assert three.record["access"]["files"] == "restricted"
        assert three.record["pids"] == two.record["pids"]
        assert three.record["versions"]["index"] == 2


async def test_a_lost_store_is_no_loss(rig: InvenioRig, tmp_path: Path) -> None:
    async with archiver(rig, tmp_path / "a", "2") as lab:
        one = await lab.deposit(FIRST, by="one")
    async with archiver(rig, tmp_path / "b", "2") as lab:
        two = await lab.deposit(SECOND, by="two")
    assert two.record["parent"]["id"] == one.record["parent"]["id"]
    assert two.record["versions"]["index"] == 2


async def test_complaints_are_failures(rig: InvenioRig, tmp_path: Path) -> None:
    async with archiver(rig, tmp_path, "3") as lab:
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({"metadata": {**METADATA, "title": "x"}}, "metadata.title"),
            ({"metadata": {**METADATA, "description": "x"}}, "metadata.description"),
            ({"metadata": {**METADATA, "rights": [{"id": "nope"}]}}, "Invalid value nope"),
        )
        for changes, words in wrong:
            with pytest.raises(ArchiveError, match=words):
                await lab.deposit(FIRST, by="one", **changes)
        assert (await lab.deposit(FIRST, by="one")).new
    async with InvenioClient(rig.url, lambda: "no-such-token") as client:
        with pytest.raises(ArchiveError, match="403"):
            await client.create({})


async def test_an_open_community_publishes_its_own(rig: InvenioRig, tmp_path: Path) -> None:
    async with archiver(rig, tmp_path, "4") as lab:
        waiting = await lab.deposit(FIRST, by="one", community="closed")
        assert not waiting.published
        assert waiting.record["status"] == "in_review"
        still = await lab.deposit(SECOND, by="two", community="closed")  # left as they got it
        assert still.record["id"] == waiting.record["id"]
        assert set(still.files) == set(FIRST)
        _act(rig, str(waiting.record["id"]), "accept")
        two = await lab.deposit(SECOND, by="three", community="closed")
        assert two.published
        assert two.record["versions"]["index"] == 2
        assert two.record["parent"]["communities"]["ids"]
        assert contents(rig, two, SECOND) == SECOND


async def test_what_reviewers_decline_is_not_handed_in_again(
    rig: InvenioRig, tmp_path: Path
) -> None:
    async with archiver(rig, tmp_path, "5") as lab:
        one = await lab.deposit(FIRST, by="one", community="closed")
        _act(rig, str(one.record["id"]), "decline")
        with pytest.raises(ArchiveError, match="declined"):
            await lab.deposit(FIRST, by="two", community="closed")
        again = await lab.deposit(SECOND, by="three", community="closed")
        assert again.record["status"] == "in_review"
        assert again.record["id"] == one.record["id"]
        assert set(again.files) == set(SECOND)


def _act(rig: InvenioRig, record: str, action: str) -> None:
    """Say the curator's word on a record in review."""
    headers = {"Authorization": f"Bearer {rig.token}"}
    review = httpx.get(f"{rig.url}/records/{record}/draft/review", headers=headers).json()
    answer = httpx.post(
        f"{rig.url}/requests/{review['id']}/actions/{action}",
        headers={"Authorization": f"Bearer {rig.curator}"}, json={}, timeout=60,
    )  # fmt: skip
    assert answer.is_success, answer.text


def test_an_archiver_that_is_killed_leaves_one_record(rig: InvenioRig, tmp_path: Path) -> None:
    """kill -9 at every tenth point of two deposits, and a restart."""
    headers = {"Authorization": f"Bearer {rig.token}"}
    with archivers() as lab:
        for point in range(4, 120, 10):
            mark, home = _mark(f"1{point}"), tmp_path / str(point)
            killed = lab.run(rig.url, home, kill=point, token=rig.token, mark=mark)
            assert killed == -signal.SIGKILL
            assert lab.run(rig.url, home, token=rig.token, mark=mark) == 0
            found = ledger(home)
            records = [found[order]["record"] for order in ("one", "two")]
            assert [found[order]["new"] for order in ("one", "two")] == [True, True]
            asked = {"q": f'metadata.identifiers.identifier:"{mark}"'}
            mine = httpx.get(f"{rig.url}/user/records", params=asked, headers=headers).json()
            # Versions before the latest, and no draft beside them.
            hits = {each["id"]: each["is_published"] for each in mine["hits"]["hits"]}
            assert set(hits) <= set(records)
            assert all(hits.values())
            last = httpx.get(f"{rig.url}/records/{records[1]}").json()
            assert (last["versions"]["index"], last["versions"]["is_latest"]) == (2, True)
            for record, files in zip(records, (FIRST, SECOND), strict=True):
                base = f"{rig.url}/records/{record}/files"
                there = {name: httpx.get(f"{base}/{name}/content").content for name in files}
                assert there == files
