"""Verbs about samples: one that nobody can vouch for, and the person who decides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labmesh.cli._sample_resolve import odd_label
from tests.labmesh.cli._lab import HAND, Command, Lab, eventually

pytestmark = pytest.mark.usefixtures("lab")


def last(labmesh: Command, sample: str) -> Any:
    return labmesh("sample", "show", sample, "--json").json["states"][-1]


def test_a_sample_in_doubt_until_a_person_decides(lab: Lab, labmesh: Command) -> None:
    lab.start(HAND, "hand")
    eventually(lambda: "position/by_hand" in labmesh.text("capability", "list"))
    labmesh.text("request", "send", "mixture", "stirring", "-s", "sample=vial-9", "--wait")
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
    again = labmesh(*decide, "--label", "discarded", "--reason", "a typo", "--any-state", "--json")
    assert (again.json["state"], again.json["expects_state"], again.err) == (3, 2, "")
    assert labmesh("sample", "list", "--unknown", "--json").json == []


def test_words_that_make_no_sense(labmesh: Command) -> None:
    for arguments, said in [
        (("ghost", "--label", "used", "--reason", "x"), "no sample 'ghost'"),
        (("vial-9", "--label", "Used Up", "--reason", "x"), "label"),
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
