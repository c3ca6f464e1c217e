"""Verbs about requests, results and the ledger, against a mesh of real processes."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from uuid import UUID

import pytest

from messages.ids import new_id
from tests.labmesh.cli._lab import HAND, Command, Lab, eventually
from tests.support import Processes

pytestmark = pytest.mark.usefixtures("lab")

SEND = ("request", "send", "total", "addition")


def test_send_prints_the_id_and_nothing_else(labmesh: Command) -> None:
    identity = labmesh.text(*SEND, "--set", "terms=[1, 2]").strip()
    assert str(UUID(identity)) == identity
    accepted = labmesh(*SEND, "--set", "terms=[1, 2]", "--json").json
    assert set(accepted) == {"request", "offset"}


def test_send_twice_with_one_id_is_one_request(labmesh: Command) -> None:
    identity = str(new_id())
    once = labmesh(*SEND, "-s", "terms=[1]", "--id", identity, "--json").json
    again = labmesh(*SEND, "-s", "terms=[1]", "--id", identity, "--json").json
    assert once == again
    other = labmesh(*SEND, "-s", "terms=[2]", "--id", identity)
    assert other.code == 1
    assert other.err.startswith("labmesh: kit/broker: ")


def test_send_and_wait_shows_the_result(labmesh: Command, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("terms: [1, 2]\ndelay: 0\n")
    result = labmesh(*SEND, "-p", file, "-s", "terms.1=5", "--wait", "--json").json
    assert result["data"] == {"total": 12.0}
    assert result["parameters"] == {"terms": [1, 5], "delay": 0}
    text = labmesh(*SEND, "-p", file, "--wait")
    assert "total: 6.0" in text.out
    assert "rating      5 of 5: exact" in text.out


def test_feedback_shows_how_it_goes(labmesh: Command) -> None:
    answer = labmesh(*SEND, "-s", "terms=[1]", "-s", "delay=0.4", "--feedback")
    assert answer.code == 0
    assert "  25% step 1 (kit/bench)" in answer.err
    assert "resolved kit/bench" in answer.err
    assert "total: 2.0" in answer.out
    lines = labmesh(*SEND, "-s", "terms=[1]", "-s", "delay=0.4", "-f", "--json").json_lines
    events = [each["event"] for each in lines]
    assert events[0] == "accepted"
    assert events[-1] == "result"
    assert events.count("feedback") == 4
    statuses = [each["after"] for each in lines if each["event"] == "status"]
    assert statuses == ["reserved", "running", "resolved"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*SEND, "-s", "terms=[1,2,3,4,5,6]"), "has more than 5 items"),
        ((*SEND, "-s", "terms=[a]"), "parameters.terms"),
        ((*SEND,), "terms"),
        (("request", "send", "total", "additions"), "total/additions"),
        ((*SEND, "-s", "terms=[]", "--wait"), "is failed: nothing to add; give some terms"),
        ((*SEND, "-s", "terms=[1]", "-s", "delay=9", "--wait", "--timeout", "0.5"),
         "has not ended within 0.5 s; it goes on: labmesh request watch"),
    ],
)  # fmt: skip
def test_no_result_is_code_1_with_the_reason(
    labmesh: Command, arguments: tuple[str, ...], said: str
) -> None:
    answer = labmesh(*arguments)
    assert answer.code == 1
    assert said in answer.err
    assert answer.out == ""
    for each in labmesh("request", "list", "--status", "running", "--json").json:
        labmesh.text("request", "cancel", each["id"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-s", "terms"), "'terms' is not NAME=VALUE"),
        (("-p", "nowhere.yaml"), "nowhere.yaml: parameters cannot be read"),
        (("--from-state", "cell"), "is not SAMPLE:STATE"),
        (("--priority", "11"), "11 is not in the range 0<=x<=9"),
    ],
)
def test_a_request_that_cannot_be_is_code_2(
    labmesh: Command, arguments: tuple[str, ...], said: str
) -> None:
    answer = labmesh(*SEND, *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_parent_and_children_are_shown(labmesh: Command) -> None:
    parent = labmesh(*SEND, "-s", "terms=[1]", "--wait", "--json").json["request"]
    child = labmesh.text(*SEND, "-s", "terms=[2]", "--parent", parent).strip()
    (one,) = labmesh("request", "list", "--parent", parent[:23], "--json").json
    assert (one["id"], one["parent"]) == (child, parent)
    assert f"in service of  {parent}" in labmesh.text("request", "show", child)
    shown = labmesh.text("request", "show", parent)
    assert "asked in its service: 1" in shown
    assert child[-4:] in shown or child[:8] in shown
    assert labmesh("request", "show", parent, "--json").json["children"] == [child]


def test_list_and_show(labmesh: Command) -> None:
    options = ("--campaign", "look", "--priority", "7", "--attempts", "2", "--expires", "3600")
    request = labmesh(*SEND, "-s", "terms=[4]", *options, "--wait", "--json").json["request"]
    (one,) = labmesh("request", "list", "--campaign", "look", "--json").json
    assert (one["id"], one["priority"], one["attempts"]) == (request, 7, 2)
    lines = labmesh.text("request", "list", "--campaign", "look").splitlines()
    assert lines[0].split()[:3] == ["REQUEST", "STATUS", "CAPABILITY"]
    short = lines[1].split()[0]
    assert request.startswith(short)
    shown = labmesh("request", "show", short, "--json").json
    assert shown["request"]["id"] == request
    text = labmesh.text("request", "show", request)
    assert "terms: [4]" in text
    assert [line.split()[3] for line in text.splitlines()[-4:]] == [
        "pending", "reserved", "running", "resolved",
    ]  # fmt: skip
    assert len(labmesh("request", "list", "-n", "1", "--json").json) == 1
    assert labmesh("request", "list", "--status", "held", "--json").json == []
    assert "no such requests" in labmesh("request", "list", "--author", "kit/nobody").err
    everything = labmesh("request", "list", "--all", "--json").json
    assert everything == sorted(everything, key=lambda each: -each["offset"])


def test_results(labmesh: Command) -> None:
    result = labmesh(*SEND, "-s", "terms=[7]", "--campaign", "res", "--wait", "--json").json
    (one,) = labmesh("result", "list", "--campaign", "res", "--json").json
    assert one == result
    assert labmesh("result", "list", "--request", result["request"], "--json").json == [one]
    assert labmesh("result", "list", "--unsolicited", "--json").json == []
    short = labmesh.text("result", "list", "--campaign", "res").splitlines()[1].split()[0]
    assert labmesh("result", "show", short, "--json").json == result
    assert "total: 14.0" in labmesh.text("result", "show", result["id"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("request", "show", "ffff"), "no request 'ffff'"),
        (("request", "show", "0"), "id: "),
        (("result", "show", "ffff"), "no result 'ffff'"),
        (("request", "watch", "ffff"), "no request 'ffff'"),
        (("request", "cancel", "ffff"), "no request 'ffff'"),
        (("sample", "show", "ghost"), "no sample 'ghost'"),
    ],
)
def test_what_is_not_there_is_said(labmesh: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = labmesh(*arguments)
    assert answer.code == 1
    assert said in answer.err


def test_watch_shows_the_past_and_the_coming(labmesh: Command) -> None:
    request = labmesh.text(*SEND, "-s", "terms=[1]", "-s", "delay=1").strip()
    lines = labmesh("request", "watch", request, "--json").json_lines
    statuses = [each["after"] for each in lines if each["event"] == "status"]
    assert statuses == ["pending", "reserved", "running", "resolved"]
    assert lines[-1]["result"]["request"] == request
    answer = labmesh("request", "watch", request)
    assert "pending: accepted" in answer.err
    assert "total: 2.0" in answer.out


def test_cancel(labmesh: Command) -> None:
    request = labmesh.text(*SEND, "-s", "terms=[1]", "-s", "delay=30").strip()
    text = labmesh.text("request", "cancel", request, "--reason", "changed my mind")
    assert text == f"{request} is retracted\n"
    again = labmesh("request", "cancel", request)
    assert again.code == 1
    assert "is not cancelled: it is retracted already" in again.err
    watched = labmesh("request", "watch", request)
    assert watched.code == 1
    assert "is retracted: " in watched.err
    assert "changed my mind" in watched.err


def test_a_held_request_is_abandoned_or_released(labmesh: Command, lab: Lab) -> None:
    send = ("request", "send", "position", "by_hand", "-s", "terms=[1]", "-s", "delay=60")

    def lose() -> str:
        eventually(lambda: "kit/hand" in labmesh("capability", "list").out, lambda: lab.log("hand"))
        request = labmesh.text(*send, "--queue").strip()
        show = ("request", "show", request, "--json")
        eventually(lambda: labmesh(*show).json["request"]["status"] == "running")
        lab.kill("hand")
        eventually(lambda: labmesh(*show).json["request"]["status"] == "held")
        return request

    lab.start(HAND, "hand")
    first = lose()
    held = [each for each in json.loads(labmesh("doctor", "--json").out)["findings"]
            if each["check"] == "requests"]  # fmt: skip
    assert held[0]["what"].startswith(f"{first} is held: kit/hand vanished in mid-action of posi")
    assert f"labmesh request release {first} --reason TEXT" in held[0]["remedy"]
    assert f"labmesh request abandon {first} --reason TEXT" in held[0]["remedy"]
    assert labmesh.text("request", "abandon", first, "--person", "Ada") == f"{first} is abandoned\n"
    assert "Ada" in json.dumps(labmesh("request", "show", first, "--json").json["log"])
    lab.start(HAND, "hand")
    eventually(lambda: labmesh("lifecycle", "get", "hand").out == "inactive\n")
    assert "in mid-action" in labmesh.text("node", "list")
    labmesh.text("lifecycle", "set", "hand", "activate")
    second = lose()
    assert labmesh("request", "release", second, "--json").json["status"] == "pending"
    assert labmesh("request", "release", second).code == 1
    labmesh.text("request", "cancel", second)


def test_capabilities(labmesh: Command) -> None:
    found = labmesh("capability", "list", "--json").json
    names = {f"{each['quantity']}/{each['method']}" for each in found["capabilities"]}
    assert {"total/addition", "mixture/stirring"} <= names
    assert "Sum of terms, times the gain." in labmesh.text("capability", "list")
    shown = labmesh("capability", "show", "total/addition", "--json").json
    assert [each["node"] for each in shown["offers"]] == ["kit/bench"]
    text = labmesh.text("capability", "show", "total/addition")
    assert "maxItems: 5" in text
    assert "items ≤ 10" in text
    schemas = labmesh("capability", "show", "total/addition", "--schema").json
    assert set(schemas) == {"parameters", "result"}
    unknown = labmesh("capability", "show", "total/additions")
    assert unknown.code == 2
    assert "did you mean total/addition?" in unknown.err


def test_campaigns(labmesh: Command) -> None:
    for terms in ("[1]", "[2]", "[]"):
        labmesh(*SEND, "-s", f"terms={terms}", "--campaign", "sums", "--wait")
    found = {each["campaign"]: each for each in labmesh("campaign", "list", "--json").json}
    assert found["sums"]["statuses"] == {"resolved": 2, "failed": 1}
    assert "2 resolved, 1 failed" in labmesh.text("campaign", "list")
    shown = labmesh("campaign", "show", "sums", "--json").json
    assert (len(shown["request_views"]), len(shown["result_views"])) == (3, 3)
    text = labmesh.text("campaign", "show", "sums")
    assert "3: 2 resolved, 1 failed" in text
    assert "nothing to add" in text
    assert "did you mean sums?" in labmesh("campaign", "show", "sms").err


def test_samples(labmesh: Command) -> None:
    send = ("request", "send", "mixture", "stirring", "-s", "sample=vial-1", "--wait", "--json")
    result = labmesh(*send).json
    shown = labmesh("sample", "show", "vial-1", "--json").json
    assert shown["sample"]["label"] == "formulated"
    assert [each["result"] for each in shown["states"]] == [result["id"]]
    text = labmesh.text("sample", "show", "vial-1")
    assert "kind   electrolyte" in text
    assert result["id"] in text
    assert "vial-1" in labmesh.text("result", "show", result["id"])


def test_the_ledger(labmesh: Command) -> None:
    for _ in range(2):
        labmesh.text(*SEND, "-s", "terms=[1]", "--wait")
    head = labmesh("ledger", "head", "--json").json
    assert f"offset  {head['offset']}\n" in labmesh.text("ledger", "head")
    last = labmesh("ledger", "tail", "-n", "3", "--json").json_lines
    assert [each["offset"] for each in last] == list(range(head["offset"] - 2, head["offset"] + 1))
    assert last[-1]["hash"] == head["hash"]
    lines = labmesh.text("ledger", "tail", "-n", "3").splitlines()
    assert "running -> resolved" in lines[-1]
    requests = labmesh("ledger", "tail", "-n", "2", "--kind", "request", "--json").json_lines
    assert [each["kind"] for each in requests] == ["request", "request"]
    assert labmesh("ledger", "tail", "-n", "0", "--json").out == ""
    assert len(labmesh("ledger", "tail", "-n", "9999", "--json").json_lines) == head["offset"] + 1
    entry = labmesh("ledger", "show", str(head["offset"]), "--json").json
    assert entry == last[-1]
    assert entry["hash"] in labmesh.text("ledger", "show", str(head["offset"]))
    beyond = labmesh("ledger", "show", "99999")
    assert (beyond.code, f"its last is {head['offset']}" in beyond.err) == (2, True)
    stats = labmesh("ledger", "stats", "--json").json
    assert stats["entries"] == head["offset"] + 1
    assert "resolved:" in labmesh.text("ledger", "stats")
    verdict = labmesh("ledger", "verify", "--json").json
    assert verdict["sound"]
    assert verdict["head"] == head["hash"]
    assert "all sound" in labmesh.text("ledger", "verify")
    rebuild = labmesh("ledger", "rebuild")
    assert rebuild.code == 1
    assert "the broker node kit/broker is online" in rebuild.err


async def test_tail_follows_without_a_gap(lab: Lab, processes: Processes) -> None:
    tail = await processes.labmesh("ledger", "tail", "-n", "1", "-f", "--json", env=lab.env)
    await tail.wait_line('"offset"')
    send = await processes.labmesh(*SEND, "-s", "terms=[1]", "--wait", env=lab.env)
    assert await send.wait() == 0
    await tail.wait_line('"after": "resolved"', after=1)
    tail.signal(signal.SIGINT)
    assert await tail.wait() == 130
    offsets = [json.loads(line)["offset"] for line in tail.stdout]
    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
    assert len(offsets) >= 6


async def test_ctrl_c_leaves_the_request_alone(
    lab: Lab, processes: Processes, labmesh: Command
) -> None:
    send = await processes.labmesh(*SEND, "-s", "terms=[1]", "-s", "delay=20", "-f", env=lab.env)
    await send.wait_line("step 1")
    send.interrupt()
    assert await send.wait() == 130
    assert send.stderr[-1].startswith("labmesh: the request goes on; labmesh request cancel ")
    request = send.stderr[-1].split()[-3]
    cancel = await processes.labmesh("request", "cancel", request, env=lab.env)
    assert await cancel.wait() == 0
