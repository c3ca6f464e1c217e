"""Records that a community's reviewers publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.archiver._errors import ArchiveError
from tests.nodes.archiver.deposits import FIRST, SECOND, archiver, check_whole, published
from tests.support.invenio import Fault, InvenioServer


def community(server: InvenioServer, policy: str) -> None:
    access = {"visibility": "public", "review_policy": policy}
    server.create_community({"slug": "bigmap", "metadata": {"title": "B"}, "access": access})


async def test_a_community_that_reviews_nothing_publishes_at_once(tmp_path: Path) -> None:
    with InvenioServer() as server:
        community(server, "open")
        async with archiver(server, tmp_path) as lab:
            one = await lab.deposit(FIRST, community="bigmap")
            assert one.published
            assert one.record["parent"]["communities"]["ids"]
            two = await lab.deposit(SECOND, by="two", community="bigmap")
            assert two.published
        assert sum(line.endswith("submit-review") for line in server.log) == 1
        assert sum(line.endswith("actions/publish") for line in server.log) == 1
        check_whole(server, FIRST, SECOND)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.TWICE, Fault.ERROR_AFTER])
async def test_what_is_in_review_is_left_alone(tmp_path: Path, fault: Fault) -> None:
    with InvenioServer() as server:
        community(server, "closed")
        hit = [fault]
        server.choose = lambda _at, _method, path: (
            hit.pop() if path.endswith("submit-review") and hit else None
        )
        async with archiver(server, tmp_path) as lab:
            one = await lab.deposit(FIRST, community="bigmap")
            assert not one.published
            seen = len(server.log)
            await lab.deposit(SECOND, by="two", community="bigmap")
            assert all(line.startswith("GET") for line in server.log[seen:])
            server.review_ended(server.records[one.record["id"]], accepted=True)
            assert (await lab.deposit(SECOND, by="three", community="bigmap")).published
        assert not hit
        check_whole(server, FIRST, SECOND)


async def test_what_was_declined_is_handed_in_again_only_when_it_has_changed(
    tmp_path: Path,
) -> None:
    with InvenioServer() as server:
        community(server, "closed")
        async with archiver(server, tmp_path) as lab:
            one = await lab.deposit(FIRST, community="bigmap")
            record = server.records[one.record["id"]]
            server.review_ended(record, accepted=False)
            for _ in range(2):
                with pytest.raises(ArchiveError, match="reviewers of bigmap have declined"):
                    await lab.deposit(FIRST, community="bigmap")
            assert not (await lab.deposit(SECOND, by="two", community="bigmap")).published
            assert record.status == "in_review"
        assert not published(server)
        assert len(server.records) == 1


async def test_a_community_that_is_not_there_is_named(tmp_path: Path) -> None:
    with InvenioServer() as server:
        async with archiver(server, tmp_path) as lab:
            with pytest.raises(ArchiveError, match="the archive has no community 'nobody'"):
                await lab.deposit(FIRST, community="nobody")
