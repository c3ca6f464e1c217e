"""Verbs about samples: one that nobody can vouch for, and the person who decides."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from typing import Any

import pytest

from labmesh.cli._sample_resolve import odd_label
from labmesh.client import requester, visit
from labmesh.place import Place
from messages.ledger import Failure, Result, SampleStep
from messages.sample_state import ENDS, LABELS
from nodes.cycler._frozen import fingerprint
from tests.labmesh.cli._lab import HAND, ROOT, Command, Lab, eventually

PAGE = (ROOT / "docs" / "samples.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.usefixtures("lab")


def last(labmesh: Command, sample: str) -> Any:
    return labmesh("sample", "show", sample, "--json").json["states"][-1]


def test_a_sample_in_doubt_until_a_person_decides(lab: Lab, labmesh: Command) -> None:
    lab.start(HAND, "hand")
    eventually(lambda: "position/by_hand" in labmesh.text("capability", "list"))
    stir = ("request", "send", "mixture", "stirring", "-s", "sample=vial-9", "--campaign", "tour")
    labmesh.text(*stir, "--wait")
    # The mesh answers what a file would: its ledger is copied, entry by entry, and restored.
    told = labmesh("fair", "check", "tour", "--only", "14", "--only", "27", "--json").json
    assert [each["verdict"] for each in told] == ["holds", "holds"]
    assert told[1]["evidence"]["entries"] > 5
    known = labmesh("sample", "resolve", "vial-9", "--label", "used", "--reason", "poured")
    assert known.code == 1
    assert "vial-9 is in state 0, formulated: there is nothing to resolve" in known.err
    drop = ("request", "send", "position", "by_hand", "-s", "terms=[]", "--wait")
    failed = labmesh(*drop, "--from-state", "vial-9:0")
    assert "it fell from the gripper" in failed.err
    assert last(labmesh, "vial-9")["label"] == "unknown"

    blocked = labmesh(*drop, "--from-state", "vial-9:1")
    assert blocked.code == 1
    assert "in state 1, unknown: nobody can vouch for it" in blocked.err
    assert "labmesh sample resolve vial-9 --label LABEL --reason TEXT" in blocked.err
    (listed,) = labmesh("sample", "list", "--unknown", "--json").json
    assert listed["sample"] == "vial-9"
    assert labmesh("sample", "list", "--unknown", "--label", "used").code == 2
    doctor = [each for each in json.loads(labmesh("doctor", "--json").out)["findings"]
              if each["check"] == "samples"]  # fmt: skip
    assert doctor[0]["what"].startswith("electrolyte vial-9 is unknown since state 1")
    assert "labmesh sample resolve vial-9 --label LABEL --reason TEXT" in doctor[0]["remedy"]

    decide = ("sample", "resolve", "vial-9", "--person", "Ada", "--location", "kit / bench")
    done = labmesh(*decide, "--label", "discarted", "--reason", "glass all over", "--property",
                   "volume=0")  # fmt: skip
    assert (done.code, done.out) == (0, "vial-9 is in state 2, discarted, says Ada\n")
    assert "'discarted' is no usual state of kind electrolyte; did you mean discarded?" in done.err
    state = last(labmesh, "vial-9")
    assert state["properties"] == {
        "person": "Ada", "reason": "glass all over", "moved": True, "from": "", "volume": 0,
    }  # fmt: skip
    assert (state["quantity"], state["method"]) == ("sample_state", "inspection")
    assert "Ada decided: glass all over" in labmesh.text("sample", "trace", "vial-9")
    assert "Ada decided: glass all over" in labmesh.text("sample", "show", "vial-9")
    history = labmesh.text("sample", "history", "vial-9")
    for words in ("0 formulated", "1 unknown", "it fell from the gripper", "2 discarted",
                  "Ada decided: glass all over"):  # fmt: skip
        assert words in history
    again = labmesh(*decide, "--label", "discarded", "--reason", "a typo", "--any-state", "--json")
    assert (again.json["state"], again.json["expects_state"], again.err) == (3, 2, "")
    assert labmesh("sample", "list", "--unknown", "--json").json == []


async def tell(lab: Lab, *steps: SampleStep) -> None:
    """Post what became of samples, as a node would that nobody asked."""
    async with (
        visit(Place(mqtt=lab.broker.url, site="kit"), "teller") as visitor,
        requester(visitor) as client,
    ):
        for step in steps:
            await client.post_result(
                Result(
                    quantity="mixture",
                    method="stirring",
                    parameters={},
                    outcome="failed",
                    failure=Failure(message="made for a test"),
                    samples=(step,),
                )
            )


def test_the_page_on_samples(lab: Lab, labmesh: Command) -> None:
    carried = {"moved": True, "from": "kit / autobass", "by": "Bo"}
    cell: dict[str, Any] = {
        "kind": "coin_cell",
        "parents": ("vial-3",),
        "label": "assembled",
        "state": 0,
    }
    moved: dict[str, Any] = {
        "kind": "coin_cell",
        "label": "assembled",
        "state": 1,
        "expects_state": 0,
    }
    asyncio.run(tell(
        lab,
        SampleStep(sample="stock-a", kind="stock_solution", state=0, label="weighed"),
        SampleStep(sample="vial-3", kind="electrolyte", state=0, label="formulated",
                   parents=("stock-a",), location="kit / asab / outlet vial"),
        SampleStep(sample="cell-7", **cell),
        SampleStep(sample="cell-7", location="kit / cycler", properties=carried, **moved),
        SampleStep(sample="cell-8", **{**cell, "label": "unknown"}),
    ))  # fmt: skip
    commands = [
        line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]  # fmt: skip
    said = {}
    for line in commands:
        words, careless = line.removesuffix(" || true"), line.endswith(" || true")
        answer = said[words] = labmesh(*shlex.split(words)[1:])
        assert careless or answer.code == 0, (line, answer.err)
    back = said["labmesh sample trace cell-7"].out
    lines = [line.strip().split("  ")[0] for line in back.splitlines()]
    assert [line for line in lines if not line[0].isdigit()] == ["cell-7", "vial-3", "stock-a"]
    assert "1 assembled  at kit / cycler" in back
    assert "carried from kit / autobass by Bo" in back
    forward = said["labmesh sample trace vial-3 --forward"].out
    assert forward.index("vial-3") < forward.index("cell-7") < forward.index("cell-8")
    assert "formulated  at kit / asab / outlet vial" in forward
    assert "1 assembled  at kit / cycler" in forward
    assert "look at it, then labmesh sample resolve cell-8" in said["labmesh doctor"].out
    assert last(labmesh, "cell-8")["location"] == "kit / autobass / tray can_bottom, pit 8"
    assert last(labmesh, "cell-7")["label"] == "discarded"


def test_the_page_names_every_label_and_the_fingerprint() -> None:
    rows = re.findall(r"^\| *(?:`(\w+)`|any)? *\| `(\w+)` \| (.+?) \|$", PAGE, re.MULTILINE)
    found: dict[str, dict[str, str]] = {}
    kind = ""
    for name, label, words in rows:
        kind = name or ("any" if label == "unknown" else kind)
        found.setdefault(kind, {})[label] = words
    everywhere = found.pop("any")
    assert {kind: {**labels, **everywhere} for kind, labels in found.items()} == LABELS
    assert {label for labels in LABELS.values() for label in labels} >= ENDS
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - our own page
    form = {"b": [1.5, "\u00fc"], "a": {"d": None, "c": True}}
    assert names["fingerprint"](form) == fingerprint(form)


def test_words_that_make_no_sense(labmesh: Command) -> None:
    for arguments, said in [
        (("ghost", "--label", "used", "--reason", "x"), "no sample 'ghost'"),
        (("vial-9", "--label", "Used Up", "--reason", "x"), "'Used Up' is no label"),
        (("vial-9", "--label", "used", "--reason", " "), "no reason is given"),
        (("vial-9", "--reason", "x"), "Missing option '--label'"),
    ]:
        answer = labmesh("sample", "resolve", *arguments, *(
            ("--any-state",) if "--label" in arguments else ()
        ))  # fmt: skip
        assert answer.code > 0
        assert said in answer.err
    assert odd_label("coin_cell", "formed") == []
    assert odd_label("a_kind_of_our_own", "whatever") == []
    (word,) = odd_label("coin_cell", "formulated")
    assert "usual are received, assembled" in word
    assert "stays blocked" in odd_label("coin_cell", "unknown")[0]
