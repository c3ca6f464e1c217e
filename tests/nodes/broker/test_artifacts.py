"""What results name and what lies in the folder: two truths, compared at every question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labmesh import Level
from labmesh.artifacts import ArtifactFolder
from messages.errors import CallRefusedError
from messages.ids import NodeId, new_id
from messages.ledger import ArtifactRef
from messages.model import JsonObject
from nodes.broker import LedgerReader
from nodes.broker._artifact_queries import Claim
from nodes.broker._artifacts import Condition
from nodes.broker._artifacts_told import words
from nodes.broker._wanted import WantedList
from tests.nodes.broker.lab import Lab

AUTHOR = "kit/cam"


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


@pytest.fixture
def reader(lab: Lab, folder: ArtifactFolder) -> Iterator[LedgerReader]:
    lab.worker(AUTHOR)
    with LedgerReader(lab.url, folder.path) as opened:
        yield opened


def named(*contents: bytes, size: int | None = None) -> tuple[ArtifactRef, ...]:
    return tuple(
        ArtifactRef(
            sha256=hashlib.sha256(content).hexdigest(), name="../n", media_type="text/plain",
            size=len(content) if size is None else size,
        )
        for content in contents
    )  # fmt: skip


def post(lab: Lab, *contents: bytes, size: int | None = None) -> str:
    identity = new_id()
    receipt = lab.result(None, AUTHOR, uuid=identity, artifacts=named(*contents, size=size))
    assert receipt.accepted, receipt.reason
    return str(identity)


def ask(reader: LedgerReader, **arguments: Any) -> JsonObject:
    return reader.query("query.artifacts", arguments)


def test_held_is_what_lies_in_the_folder_with_the_size_that_is_named(
    lab: Lab, reader: LedgerReader, folder: ArtifactFolder
) -> None:
    result = post(lab, b"one", b"two")
    other = post(lab, b"two", size=99)
    folder.add(b"two")
    found = ask(reader)["artifacts"]
    assert [(each["result"], each["state"]) for each in found].count((result, "held")) == 1
    assert {each["author"] for each in found} == {AUTHOR}
    (two,) = named(b"two")
    (wrong,) = ask(reader, result=other)["artifacts"]
    assert (wrong["state"], wrong["reason"]) == ("missing", "what has this hash has 3 bytes")
    assert len(ask(reader, sha256=two.sha256[:9])["artifacts"]) == 2
    reader.holdings.reasons[named(b"one")[0].sha256] = "nobody answers"
    missing = ask(reader, missing=True)["artifacts"]
    assert [each["reason"] for each in missing] == ["nobody answers", wrong["reason"]]


def test_one_content_under_two_names_is_one_artifact_of_a_result(
    lab: Lab, reader: LedgerReader
) -> None:
    result = post(lab, b"same", b"same")
    assert len(ask(reader, result=result)["artifacts"]) == 1
    assert len(reader.query("query.result", {"id": result})["result"]["artifacts"]) == 2


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_leave_nothing_out_and_repeat_nothing(
    lab: Lab, reader: LedgerReader, newest_first: bool, limit: int
) -> None:
    for number in range(4):
        post(lab, *(f"{number} {index}".encode() for index in range(number)))
    whole = ask(reader, newest_first=newest_first)
    assert len(whole["artifacts"]) == 6
    assert whole["next"] is None
    pieces: list[Any] = []
    after: JsonObject = {}
    while True:
        page = ask(reader, newest_first=newest_first, limit=limit, **after)
        assert len(page["artifacts"]) <= limit
        pieces += page["artifacts"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert pieces == whole["artifacts"]


def test_claims_are_read_a_few_results_at_a_time(lab: Lab, reader: LedgerReader) -> None:
    for number in range(3):
        post(lab, *(f"{number} {index}".encode() for index in range(3)))
    claims: list[Claim] = []
    after = -1
    while page := reader.claims(after, 2):
        assert len(page) == 3, "all of one result, and no more"
        claims += page
        after = page[-1].offset
    assert len({claim.sha256 for claim in claims}) == 9


def test_a_database_elsewhere_says_that_it_cannot_tell(lab: Lab, reader: LedgerReader) -> None:
    post(lab, b"one")
    with LedgerReader(lab.url) as elsewhere:
        (found,) = ask(elsewhere)["artifacts"]
    assert found["state"] == "missing"
    if lab.url.startswith("postgresql"):
        assert "ask the broker node" in found["reason"]


@pytest.mark.parametrize(
    "arguments", [{"sha256": "xyz"}, {"sha256": "AB12"}, {"result": "0"}, {"after": -1}]
)
def test_arguments_are_checked(reader: LedgerReader, arguments: JsonObject) -> None:
    with pytest.raises(CallRefusedError, match=r"query\.artifacts"):
        ask(reader, **arguments)


# --- what is to be fetched


def claim(sha256: str, author: str = AUTHOR) -> Claim:
    return Claim(sha256, 3, author, 0)


def test_a_silent_author_is_asked_ever_less_often_and_others_meanwhile() -> None:
    wanted = WantedList()
    for sha256 in ("a", "b"):
        wanted.add(claim(sha256))
    wanted.add(claim("c", "kit/other"))
    author = next(wanted.due(0.0))
    pauses = []
    now = 0.0
    for _ in range(8):
        author.later(now)
        pauses.append(author.not_before - now)
        assert [each.id for each in wanted.due(now)] == [NodeId.parse("kit/other")]
        now = author.not_before
        assert author in list(wanted.due(now))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert author.silent
    author.answered()
    assert not author.silent


def test_what_its_author_does_not_have_is_tried_later_and_the_rest_now() -> None:
    wanted = WantedList()
    wanted.add(claim("a"))
    wanted.add(claim("b"))
    (author,) = wanted.due(0.0)
    first = author.next(0.0)
    assert first is not None
    first.later(0.0)
    second = author.next(0.0)
    assert second is not None
    assert {first.sha256, second.sha256} == {"a", "b"}
    wanted.drop(second.sha256)
    assert author.next(0.0) is None
    assert author.next(first.not_before) is first
    wanted.drop(first.sha256)
    assert len(wanted) == 0
    assert list(wanted.due(1e9)) == []


def test_an_artifact_of_two_authors_is_wanted_once() -> None:
    wanted = WantedList()
    wanted.add(claim("a"))
    wanted.add(claim("a", "kit/other"))
    assert len(wanted) == 1
    one, other = wanted.due(0.0)
    found = one.next(0.0)
    assert found is not None
    found.busy = True
    assert other.next(0.0) is None
    wanted.drop("a")
    assert list(wanted.due(0.0)) == []


def test_how_it_fares_in_words() -> None:
    assert words(Condition(0, 0, "", "", 5))[0] is Level.OK
    assert words(Condition(2, 0, "", "", 5))[1] == "artifacts on their way: 2"
    level, message, remedy = words(Condition(2, 1, "x/y does not answer", "", 5))
    assert (level, "x/y does not answer" in message) == (Level.WARN, True)
    assert "--missing" in remedy
    assert words(Condition(2, 1, "", "full", 5))[0] is Level.ERROR


def test_who_is_known_to_be_absent_is_not_asked(lab: Lab) -> None:
    catalogue = lab.ledger.catalogue
    assert not catalogue.absent(AUTHOR), "nobody has heard of it: a visitor, perhaps"
    lab.online(AUTHOR)
    assert not catalogue.absent(AUTHOR)
    lab.online(AUTHOR, state="lost")
    assert catalogue.absent(AUTHOR)
    wanted = WantedList()
    wanted.add(claim("a"))
    (author,) = wanted.authors
    author.absent = True
    assert list(wanted.due(0.0)) == []
