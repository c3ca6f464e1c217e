"""What is confidential stays at the ledger's site: at the door, in dispatch, in what is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from labmesh.record import JournalEntry
from messages.access import DECLARATION
from messages.errors import ConfigurationError
from messages.ids import new_id
from messages.ledger import Receipt, SampleStep
from messages.model import JsonObject
from nodes.broker import LedgerReader, transfer
from nodes.broker._guard import Guard
from nodes.broker._node import vocabulary
from nodes.broker._sight import FromAway
from tests.nodes.broker.lab import START, Lab

QUANTITY, METHOD = DECLARATION


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "ledger.sqlite", dict(vocabulary()))
    lab.settle()
    yield lab
    lab.check()
    lab.store.close()


def declare(
    lab: Lab, subject: str, name: str, level: str, *, author: str = "kit/ada", **fields: Any
) -> Receipt:
    said = {"subject": subject, "name": name, "level": level, "person": "Ada", **fields}
    return lab.result(
        None, author, quantity=QUANTITY, method=METHOD, data=said,
        parameters={"subject": subject, "name": name},
    )  # fmt: skip


def away(lab: Lab, service: str, **arguments: Any) -> JsonObject:
    """Read as a node of another site."""
    with LedgerReader(lab.url) as reader:
        return reader.query(service, arguments, FromAway(lab.ledger.guard))


def birth(sample: str, *parents: str, **fields: Any) -> SampleStep:
    return SampleStep(sample=sample, kind="vial", state=0, label="made", parents=parents, **fields)


def after(sample: str, last: int, **fields: Any) -> SampleStep:
    fields = {"label": "used", **fields}
    return SampleStep(sample=sample, kind="vial", state=last + 1, expects_state=last, **fields)


def test_nothing_is_asked_before_somebody_declares_something(lab: Lab) -> None:
    lab.worker("kit/model")
    assert lab.request(campaign="eol").accepted
    assert not lab.ledger.guard.active
    assert declare(lab, "campaign", "eol", "public").accepted
    assert lab.ledger.guard.active
    assert not lab.ledger.guard.confidential


def test_an_order_goes_to_the_ledgers_own_site_alone(lab: Lab) -> None:
    declare(lab, "campaign", "eol", "confidential")
    lab.worker("dtu/model")
    refused = lab.request(campaign="eol")
    assert "dtu/model: not at site kit, and the request is confidential" in refused.reason
    waits = new_id()
    assert lab.request(campaign="eol", uuid=waits, wait=True).accepted
    assert lab.request(2.0, campaign="other").accepted
    assert [(node, order.campaign) for node, order in lab.orders()] == [("dtu/model", "other")]
    lab.worker("kit/model")
    node, order = lab.orders()[-1]
    assert (node, order.request) == ("kit/model", waits)


def test_a_busy_site_does_not_send_what_is_confidential_elsewhere(lab: Lab) -> None:
    declare(lab, "campaign", "eol", "confidential")
    lab.worker("kit/model")
    lab.worker("dtu/model", slots=5)
    ids = [new_id() for _ in range(3)]
    for uuid in ids:
        assert lab.request(campaign="eol", uuid=uuid).accepted
    assert [node for node, _ in lab.orders()] == ["kit/model"]
    for _ in ids:
        lab.result(lab.order(), "kit/model")
    assert [lab.status(uuid) for uuid in ids] == ["resolved"] * 3
    assert {node for node, _ in lab.orders()} == {"kit/model"}


def test_what_waits_is_looked_at_anew_when_it_is_declared(lab: Lab) -> None:
    lab.worker("dtu/model")
    first, second = new_id(), new_id()
    lab.request(campaign="eol", uuid=first)
    lab.request(campaign="eol", uuid=second)
    assert (lab.status(first), lab.status(second)) == ("reserved", "pending")
    declare(lab, "campaign", "eol", "confidential")
    # An order that has not begun comes back, and its worker is told.
    assert (lab.status(first), lab.status(second)) == ("pending", "pending")
    assert [node for node, _ in lab.voids()] == ["dtu/model"]
    declare(lab, "campaign", "eol", "public")
    assert lab.status(first) == "reserved"


def test_a_worker_elsewhere_may_end_what_it_has_begun(lab: Lab) -> None:
    lab.worker("dtu/model")
    asked = new_id()
    lab.request(campaign="eol", uuid=asked)
    lab.progress(lab.order(), "dtu/model")
    declare(lab, "campaign", "eol", "confidential")
    assert lab.status(asked) == "running"
    assert lab.result(lab.order(), "dtu/model", campaign="eol").accepted
    assert lab.status(asked) == "resolved"


def test_other_sites_put_nothing_into_what_is_confidential(lab: Lab) -> None:
    lab.worker("kit/model")
    lab.result(None, "kit/model", samples=(birth("vial", location="a secret place"),))
    declare(lab, "campaign", "eol", "confidential")
    declare(lab, "sample", "vial", "confidential")
    asked = new_id()
    assert lab.request(campaign="eol", uuid=asked).accepted
    refused = [
        lab.request(campaign="eol", author="dtu/opt"),
        lab.request(author="dtu/opt", from_state={"sample": "vial", "state": 7}),
        lab.request(author="dtu/opt", parent=asked),
        lab.result(None, "dtu/x", campaign="eol"),
        lab.result(None, "dtu/x", samples=(birth("cell", "vial"),)),
        lab.result(None, "dtu/x", samples=(after("vial", 3),)),
    ]
    for receipt in refused:
        assert "taken from nodes of site kit alone" in receipt.reason
        assert "secret" not in receipt.reason
        assert "state 0" not in receipt.reason
    assert "no request" in lab.cancel(asked, "dtu/opt").reason
    assert "no request" in lab.decide(asked, "abandon", "dtu/cli").reason
    assert lab.request(author="dtu/opt").accepted
    assert lab.ledger.refusals["access"] == 6


def test_other_sites_read_neither_bodies_nor_views(lab: Lab) -> None:
    lab.worker("kit/model")
    secret, plain = new_id(), new_id()
    declare(lab, "campaign", "eol", "confidential")
    came: list[UUID] = []
    for uuid, campaign in ((secret, "eol"), (plain, "other")):
        lab.request(campaign=campaign, uuid=uuid)
        came.append(new_id())
        sample = birth(f"vial-{campaign}", location=f"place of {campaign}")
        digit = "e" if campaign == "eol" else "d"
        ref = {"sha256": digit * 64, "name": "f", "media_type": "x/y", "size": 1}
        lab.result(
            lab.order(), "kit/model", uuid=came[-1], samples=(sample,), campaign=campaign,
            artifacts=[ref],
        )  # fmt: skip
    assert [r["id"] for r in away(lab, "query.requests")["requests"]] == [str(plain)]
    assert away(lab, "query.requests")["total"] == 1
    assert lab.read("query.requests")["total"] == 2
    assert [r["id"] for r in away(lab, "query.results")["results"]] == [str(came[1])]
    assert away(lab, "query.results")["total"] == 1
    assert [s["sample"] for s in away(lab, "query.samples")["samples"]] == ["vial-other"]
    assert [a["sha256"][0] for a in away(lab, "query.artifacts")["artifacts"]] == ["d"]
    assert away(lab, "query.samples", location="place of eol")["total"] == 0
    for service, name in (
        ("query.request", str(secret)),
        ("query.result", str(came[0])),
        ("query.result", str(came[0])[:13]),
        ("query.sample", "vial-eol"),
    ):
        with pytest.raises(Exception, match="has no"):
            away(lab, service, id=name)
    assert away(lab, "query.result", id=str(came[1]))["result"]["samples"]
    with pytest.raises(Exception, match="has no"):
        away(lab, "query.results", request=str(secret))


def test_the_journal_stays_gapless_and_its_chain_can_be_followed(lab: Lab) -> None:
    lab.worker("kit/model")
    declare(lab, "campaign", "eol", "confidential")
    lab.request(campaign="eol")
    lab.result(lab.order(), "kit/model", campaign="eol")
    lab.request(campaign="other")
    page = away(lab, "journal.read", limit=500)["entries"]
    whole = lab.read("journal.read", limit=500)["entries"]
    assert [item["offset"] for item in page] == [item["offset"] for item in whole]
    withheld = [item for item in page if item["body"] is None]
    # The declaration itself, the request, its changes of status, the result.
    assert len(withheld) == 6
    previous = bytes(32)
    for item in page:
        entry = JournalEntry.read(item)
        assert entry.sound()
        assert entry.prev_hash == previous
        previous = entry.hash


def test_a_shared_bottle_shows_others_no_state_that_stays(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.result(None, "kit/asab", samples=(birth("bottle", location="shelf"),))
    declare(lab, "campaign", "eol", "confidential")
    lab.result(
        None, "kit/asab", campaign="eol", samples=(after("bottle", 0, location="glovebox 7"),)
    )
    line = away(lab, "query.samples")["samples"][0]
    assert (line["sample"], line["label"], line["location"]) == ("bottle", "withheld", "")
    assert away(lab, "query.samples", location="glovebox 7")["samples"] == []
    found = away(lab, "query.sample", id="bottle")
    assert [each["state"] for each in found["states"]] == [0]
    assert found["sample"]["location"] == ""
    assert lab.read("query.sample", id="bottle")["sample"]["location"] == "glovebox 7"


def test_lists_for_other_sites_go_on_past_what_is_hidden(lab: Lab) -> None:
    lab.worker("kit/model", slots=1)
    declare(lab, "campaign", "eol", "confidential")
    for number in range(12):
        lab.request(campaign="eol" if number % 4 else "other")
    seen, following = [], None
    while True:
        more: JsonObject = {} if following is None else {"after": following}
        page = away(lab, "query.requests", limit=1, **more)
        seen += [item["campaign"] for item in page["requests"]]
        following = page["next"]
        if following is None:
            break
    assert seen == ["other"] * 3


def test_a_restart_forgets_nothing(lab: Lab) -> None:
    lab.worker("dtu/model")
    lab.result(None, "kit/asab", samples=(birth("vial"),))
    declare(lab, "sample", "vial", "confidential")
    declare(lab, "campaign", "eol", "confidential")
    lab.reopen()
    guard = lab.ledger.guard
    assert guard.hides_sample("vial")
    assert guard.covered() == ["vial"]
    assert "site kit alone" in lab.request(campaign="eol", author="dtu/opt").reason


def test_a_failed_commit_takes_its_declaration_along(lab: Lab) -> None:
    declare(lab, "campaign", "other", "public")
    commit = lab.store.commit

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("no disk"))

    lab.store.commit = fails  # type: ignore[method-assign]
    with pytest.raises(OperationalError, match="no disk"):
        declare(lab, "campaign", "eol", "confidential")
    lab.store.commit = commit  # type: ignore[method-assign]
    lab.settle()
    assert not lab.ledger.guard.of_subject("campaign", "eol").confidential


def test_topics_of_samples_are_covered_and_opened_again(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.result(None, "kit/asab", samples=(birth("old", location="shelf"),), campaign="eol")
    said = declare_and_see(lab, "campaign", "eol", "confidential")
    assert said == {"old": None}
    lab.result(None, "kit/asab", samples=(birth("new"),), campaign="eol")
    # Of a sample that was never told of, nobody learns the name.
    assert declare_and_see(lab, "sample", "other", "confidential") == {}
    assert lab.ledger.guard.covered() == ["old"]
    opened = declare_and_see(lab, "campaign", "eol", "public")
    assert {sample: body and body["location"] for sample, body in opened.items()} == {
        "old": "shelf", "new": "",
    }  # fmt: skip


def test_what_was_not_said_before_a_crash_is_said_after_it(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.result(None, "kit/asab", samples=(birth("old"),), campaign="eol")
    declare(lab, "campaign", "eol", "confidential")
    lab.reopen()
    said = [p for p in lab.ledger.unsaid(0) if p.samples]
    assert [p.samples for p in said] == [(("old", None),)]


def declare_and_see(lab: Lab, *what: str) -> dict[str, JsonObject | None]:
    declare(lab, *what)
    return {name: body for p in lab.outcomes[-1].said for name, body in p.samples}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"level": "restricted"}, "names a contact"),
        ({"level": "secret"}, "secret"),
        ({"name": "other"}, "the parameters name campaign eol"),
        ({"subject": "result", "name": str(UUID(int=7))}, "no result"),
        ({"level": "public", "contact": "Ada", "embargo": {"until": "2023-01-01"}}, "is over"),
        ({"level": "public", "contact": "Ada", "embargo": {"until": "2024-12-31"}}, "a reason"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(
    lab: Lab, fields: JsonObject, words: str
) -> None:
    assert START // 10**18 == 1  # November 2023
    said = {"subject": "campaign", "name": "eol", "level": "public", "person": "Ada", **fields}
    about = {"subject": said["subject"], "name": "eol"}
    if said["subject"] == "result":
        about["name"] = said["name"]
    receipt = lab.result(
        None, "kit/ada", quantity=QUANTITY, method=METHOD, data=said, parameters=about
    )
    assert not receipt.accepted
    assert words in receipt.reason


def test_other_sites_declare_what_they_may(lab: Lab) -> None:
    theirs = {"author": "dtu/eve", "contact": "Eve"}
    assert declare(lab, "campaign", "dtu", "restricted", **theirs).accepted
    assert declare(lab, "campaign", "dtu", "public", **theirs).accepted
    refused = declare(lab, "campaign", "dtu", "confidential", **theirs)
    assert "stays at site kit" in refused.reason
    assert "a ledger of your own site" in refused.reason
    declare(lab, "campaign", "eol", "confidential")
    assert "stays at site kit" in declare(lab, "campaign", "eol", "public", **theirs).reason
    declare(lab, "campaign", "open", "restricted", contact="Ada")
    assert "site kit has declared" in declare(lab, "campaign", "open", "public", **theirs).reason
    assert declare(lab, "campaign", "dtu", "restricted", contact="Ada").accepted


def test_an_artifact_nobody_named_goes_nowhere_while_something_is_confidential(lab: Lab) -> None:
    guard: Guard = lab.ledger.guard
    declare(lab, "campaign", "eol", "public")
    assert guard.gives_artifact("a" * 64, "dtu/opt")
    ref = {"sha256": "a" * 64, "name": "f", "media_type": "x/y", "size": 1}
    lab.worker("kit/model")
    lab.request()
    lab.result(lab.order(), "kit/model", artifacts=[ref])
    declare(lab, "campaign", "eol", "confidential")
    assert guard.gives_artifact("a" * 64, "dtu/opt")
    assert not guard.gives_artifact("b" * 64, "dtu/opt")
    assert guard.gives_artifact("b" * 64, "kit/opt")


def test_the_same_in_either_database(database_url: str, tmp_path: Path) -> None:
    lab = Lab(database_url, dict(vocabulary()))
    lab.settle()
    lab.worker("kit/asab")
    lab.result(None, "kit/asab", samples=(birth("old", location="shelf"),), campaign="eol")
    assert declare_and_see(lab, "campaign", "eol", "confidential") == {"old": None}
    told = lab.read("query.access", subject="sample", name="old")
    assert told["access"]["by"] == ["campaign eol"]
    assert [each["name"] for each in lab.read("query.access")["declarations"]] == ["eol"]
    assert away(lab, "query.access")["declarations"] == []
    assert away(lab, "query.access", subject="sample", name="old")["access"] is None
    assert away(lab, "query.results")["total"] == 0
    with pytest.raises(ConfigurationError, match="confidential: campaign eol"):
        transfer.export(database_url, tmp_path / "e.gz", force=False, tell=lambda *_: None)
    assert transfer.backup(
        database_url, tmp_path / "b.sqlite", force=False, tell=lambda *_: None
    ).confidential == 1  # fmt: skip
    opened = declare_and_see(lab, "campaign", "eol", "public")
    assert opened["old"] is not None
    assert opened["old"]["location"] == "shelf"
    lab.check()
    lab.store.close()
