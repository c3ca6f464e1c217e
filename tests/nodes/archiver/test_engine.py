"""Deposits on the server of recorded exchanges, undisturbed and with every kind of fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodes.archiver._errors import ArchiveError
from tests.nodes.archiver.deposits import (
    FIRST,
    METADATA,
    PUBLIC,
    SECOND,
    archiver,
    check_whole,
    contents,
    published,
)
from tests.support.invenio import Fault, InvenioServer


async def test_versions_follow_one_another_and_only_what_changed_is_uploaded(
    tmp_path: Path,
) -> None:
    with InvenioServer() as server:
        server.doi_prefix = "10.5072"
        async with archiver(server, tmp_path) as lab:
            one = await lab.deposit(FIRST)
            assert one.new
            assert one.published
            assert one.record["pids"]["doi"]["identifier"] == f"10.5072/{one.record['id']}"
            assert one.record["metadata"]["version"] == "2026.11.22"
            assert len(server.uploads()) == 3

            seen = len(server.log)
            again = await lab.deposit(FIRST, by="another")
            assert (again.new, again.record["id"]) == (False, one.record["id"])
            assert all(line.startswith("GET") for line in server.log[seen:])

            seen = len(server.log)
            two = await lab.deposit(SECOND, by="third")
            sent = [line.split("/files/")[1].split("/")[0] for line in server.uploads(seen)]
            assert sent == ["README.md", "ledger-000001.msgpack.gz", "results.json"]
            assert two.new
            assert two.record["metadata"]["version"] == "2026.11.22.1"
            assert two.record["parent"]["id"] == one.record["parent"]["id"]
        kept = [each.files["ledger-000000.msgpack.gz"].file_id for each in published(server)]
        assert kept[0] == kept[1]
        check_whole(server, FIRST, SECOND)


async def test_what_is_not_wanted_any_more_is_not_in_the_next_version(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            await lab.deposit(SECOND)
            await lab.deposit(FIRST, by="two")
        check_whole(server, SECOND, FIRST)


async def test_other_metadata_of_the_same_files_make_no_version(tmp_path: Path) -> None:
    restricted = {"record": "public", "files": "restricted"}
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            one = await lab.deposit(FIRST)
            two = await lab.deposit(FIRST, by="two", access=restricted)
            assert not two.new
            assert two.record["id"] == one.record["id"]
            assert two.record["access"]["files"] == "restricted"
            assert two.record["metadata"]["version"] == "2026.11.22"
            seen = len(server.log)
            await lab.deposit(FIRST, by="three", access=restricted)
            assert all(line.startswith("GET") for line in server.log[seen:])
        assert len(server.uploads()) == 3
        assert [contents(each) for each in published(server)] == [FIRST]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metadata": {**METADATA, "title": "x"}}, "metadata.title: Shorter than minimum length 3"),
        # The archive would publish this one, without its description.
        ({"metadata": {**METADATA, "description": "x"}}, "metadata.description: Shorter"),
        ({"metadata": {**METADATA, "rights": [{"id": "nope"}]}}, "Invalid value nope"),
        (
            {
                "access": {
                    **PUBLIC,
                    "embargo": {"active": True, "until": "2020-01-01", "reason": ""},
                }
            },
            "access.embargo.until: Embargo end date must be set to a future date",
        ),
    ],
)
async def test_a_complaint_is_a_failure_and_its_draft_is_used_again(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            for _ in range(2):
                with pytest.raises(ArchiveError, match=words) as caught:
                    await lab.deposit(FIRST, **changes)
                assert not caught.value.retryable
                assert not published(server)
            await lab.deposit(FIRST)
        check_whole(server, FIRST)


async def test_a_bad_token_is_said_and_never_shown(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path, token=lambda: "s3cret") as lab:
            with pytest.raises(ArchiveError, match=r"403: Permission denied.*token") as caught:
                await lab.deposit(FIRST)
        assert "s3cret" not in str(caught.value)
        assert server.tokens == ["s3cret"]
        assert not any("s3cret" in line for line in server.log)


async def _disturbed(number: int, fault: Fault, folder: Path) -> bool:
    """Make two deposits, of which one request goes wrong; return whether there was such a one."""
    hit = [number]

    def choose(at: int, _method: str, _path: str) -> Fault | None:
        return fault if hit and at == number and hit.pop() else None

    with InvenioServer() as server:
        server.silence = 0.25
        server.choose = choose
        async with archiver(server, folder / f"{number} {fault.name}") as lab:
            lab.engine._client._http.timeout = 0.2
            await lab.deposit(FIRST)
            await lab.deposit(SECOND, by="two")
        check_whole(server, FIRST, SECOND)
    return not hit


async def test_a_fault_at_a_request_makes_no_duplicate_and_no_half_record(tmp_path: Path) -> None:
    """Every fifth request of a first deposit and of a second one goes wrong once, in turn."""
    kinds = list(Fault)
    numbers = range(2, 60, 5)
    hit = [await _disturbed(n, kinds[n // 5 % len(kinds)], tmp_path) for n in numbers]
    assert sum(hit) >= len(kinds)  # the undisturbed pair of deposits has some forty requests
    assert not hit[-1]


@pytest.mark.slow
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
async def test_every_fault_at_every_request_makes_no_duplicate(
    tmp_path: Path, fault: Fault
) -> None:
    number = 1
    while await _disturbed(number, fault, tmp_path):
        number += 1
    assert number > 35


async def test_a_draft_whose_id_got_lost_is_found_though_the_index_lags(tmp_path: Path) -> None:
    with InvenioServer() as server:
        server.index_lag = 0.03
        server.choose = lambda at, *_: Fault.LOST if at == 2 else None
        async with archiver(server, tmp_path) as lab:
            await lab.deposit(FIRST)
        assert server.log[1].startswith("POST")
        assert [line for line in server.log if line == "POST /api/records"] == ["POST /api/records"]
        check_whole(server, FIRST)


async def test_a_lost_draft_that_shows_up_late_is_deleted(tmp_path: Path) -> None:
    with InvenioServer() as server:
        server.index_lag = 0.2
        server.choose = lambda at, *_: Fault.LOST if at == 2 else None
        async with archiver(server, tmp_path) as lab:
            server_lag = server.index_lag
            assert server_lag > 0.05  # longer than it is looked for

            def late(at: int, method: str, path: str) -> Fault | None:
                if path.endswith("actions/publish"):
                    server.index_lag = 0.0
                return Fault.LOST if at == 2 else None

            server.choose = late
            await lab.deposit(FIRST)
        check_whole(server, FIRST)


async def test_a_lost_store_is_no_loss(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path / "a") as lab:
            one = await lab.deposit(FIRST)
        async with archiver(server, tmp_path / "b") as lab:  # found by its mark
            await lab.deposit(SECOND, by="two")
        async with archiver(server, tmp_path / "c") as lab:  # known from the ledger
            seen = len(server.log)
            await lab.deposit(SECOND, by="three", former=str(one.record["id"]))
            assert not any("/user/records" in line for line in server.log[seen:])
        check_whole(server, FIRST, SECOND)


async def test_an_archive_that_is_away_is_tried_again_and_then_put_off(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            server.choose = lambda *_: Fault.ERROR
            with pytest.raises(ArchiveError, match="answers 500 .6 tries in a row") as caught:
                await lab.deposit(FIRST)
            assert caught.value.retryable
            server.choose = lambda *_: None
            await lab.deposit(FIRST)
        check_whole(server, FIRST)


async def test_a_record_that_vanished_is_not_made_anew_silently(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            await lab.deposit(FIRST)
            server.records.clear()
            with pytest.raises(ArchiveError, match="not at .* any more"):
                await lab.deposit(SECOND, by="two")
