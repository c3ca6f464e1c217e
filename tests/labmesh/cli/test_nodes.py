"""Verbs about nodes, against a mesh of real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.labmesh.cli._lab import BENCH, Command, Lab, eventually

pytestmark = pytest.mark.usefixtures("lab")

ALL = ["kit/bench", "kit/broker", "kit/clock"]


def test_node_list(labmesh: Command) -> None:
    nodes = labmesh("node", "list", "--json").json
    assert [each["node"] for each in nodes] == ALL
    assert {each["presence"] for each in nodes} == {"online"}
    assert {each["state"] for each in nodes} == {"active"}
    assert nodes[0]["program"] == BENCH
    lines = labmesh.text("node", "list").splitlines()
    assert lines[0].split() == ["NODE", "PRESENCE", "STATE", "SINCE", "HOST", "DIAGNOSTICS"]
    assert [line.split()[:3] for line in lines[1:]] == [[n, "online", "active"] for n in ALL]


def test_the_mesh_of_a_running_launch_is_found(
    labmesh: Command, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in lab.env:
        monkeypatch.delenv(name)
    assert labmesh("node", "list").code == 2
    file = tmp_path / ".labmesh" / "run" / "mesh.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"mqtt": lab.broker.url, "site": "kit", "ledger": "kit/broker"}))
    assert "kit/bench" in labmesh.text("node", "list")
    assert "total/addition" in labmesh.text("capability", "list")


def test_node_info(labmesh: Command) -> None:
    info = labmesh("node", "info", "bench", "--json").json
    assert info["descriptor"]["description"] == "Adds numbers on a bench."
    assert info["lifecycle"]["state"] == "active"
    assert {each["quantity"] for each in info["offers"]} == {"total", "mixture"}
    text = labmesh.text("node", "info", "kit/bench")
    assert text.startswith("kit/bench\ndescription  Adds numbers on a bench.\n")
    for word in ("addition", "bench.greet", "~/node/life", "gain", "messages"):
        assert word in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("benhc", "no node 'kit/benhc'; did you mean kit/bench?"),
        ("dtu/bench", "no node 'dtu/bench'; did you mean kit/bench?"),
        ("zzz", "there are kit/bench, kit/broker, kit/clock"),
    ],
)
@pytest.mark.parametrize("verb", [("node", "info"), ("param", "list"), ("lifecycle", "get")])
def test_an_unknown_node_names_the_nearest(
    labmesh: Command, verb: tuple[str, str], name: str, said: str
) -> None:
    answer = labmesh(*verb, name)
    assert answer.code == 2
    assert said in answer.err


def test_a_name_that_cannot_be_one_says_why(labmesh: Command) -> None:
    answer = labmesh("node", "info", "kit/Bench")
    assert answer.code == 2
    assert "use [a-z][a-z0-9_-]*" in answer.err


def test_nodes_that_left_are_shown_when_asked_for(labmesh: Command, lab: Lab) -> None:
    lab.start(BENCH, "guest")
    eventually(lambda: labmesh("lifecycle", "get", "guest").out.startswith("active"))
    process = lab.nodes.pop("guest")
    process.terminate()
    assert process.wait(20) == 0, lab.log("guest")
    answer = labmesh("node", "list")
    assert "kit/guest" not in answer.out
    assert "4 nodes: 3 online, 1 offline; `labmesh node list --all` shows" in answer.err
    assert "offline" in labmesh.text("node", "list", "--all")
    assert "last parameters" in labmesh("param", "get", "guest").err
    assert labmesh.text("lifecycle", "get", "guest") == "offline\n"
    assert labmesh("lifecycle", "get", "guest", "--json").json["possible"] == []


def test_service_list(labmesh: Command) -> None:
    pairs = labmesh("service", "list", "--json").json
    assert ("kit/bench", "bench.greet") in [(each["node"], each["service"]) for each in pairs]
    assert {each["node"] for each in pairs} == set(ALL)
    lines = labmesh.text("service", "list", "bench").splitlines()
    assert ["kit/bench", "bench.greet"] in [line.split() for line in lines]
    assert not any("kit/clock" in line for line in lines)


def test_service_call(labmesh: Command, tmp_path: Path) -> None:
    call = ("service", "call", "bench", "bench.greet")
    assert labmesh.text(*call, "{name: Ada}") == "text: hello Ada\nbytes: '0102'\n"
    assert labmesh(*call, '{"name": "Ada"}', "--json").json["text"] == "hello Ada"
    (tmp_path / "a.yaml").write_text("name: Bea\n")
    assert "hello Bea" in labmesh.text(*call, f"@{tmp_path / 'a.yaml'}")
    assert labmesh.text("service", "call", "bench", "bench.count") == "count: 3\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bench", "bench.grete"), 2, "no service 'bench.grete'; did you mean bench.greet?"),
        (("bench", "bench.greet", "{names: x}"), 1, "names: Extra inputs are not permitted"),
        (("bench", "bench.greet", "{name: nobody}"), 1, "nobody is not there; greet somebody"),
        (("bench", "bench.greet", "[1]"), 2, "arguments are not a map"),
    ],
)
def test_a_call_that_fails_says_why(
    labmesh: Command, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = labmesh("service", "call", *arguments)
    assert (answer.code, answer.err.count("\n")) == (code, 1)
    assert said in answer.err


def test_parameters(labmesh: Command, tmp_path: Path) -> None:
    assert labmesh("param", "list", "--json").json["kit/clock"]["rate"] == 600.0
    assert "gain" in labmesh.text("param", "list", "bench")
    answer = labmesh("param", "set", "bench", "gain=3", "label=right", "--json").json["values"]
    own = {"gain": 3.0, "label": "right", "limits": {}}
    assert own.items() <= answer.items()
    assert labmesh.text("param", "set", "bench", "label", "middle") == "label  middle\n"
    assert labmesh.text("param", "get", "bench", "gain") == "3.0\n"
    assert labmesh("param", "get", "bench", "label", "--json").json == "middle"
    every = labmesh.text("param", "get", "bench")
    assert every.startswith("gain: 3.0\nlabel: middle\nlimits: {}\n"), "its own come first"
    file = tmp_path / "bench.yaml"
    file.write_text(labmesh.text("param", "dump", "bench").replace("3.0", "2.0"))
    labmesh.text("param", "load", "bench", file)
    assert labmesh("param", "dump", "bench", "--json").json["gain"] == 2.0


def test_parameters_are_described(labmesh: Command) -> None:
    rows = [line.split() for line in labmesh.text("param", "describe", "bench").splitlines()]
    assert rows[1] == ["gain", "number", "1", "2.0", "≥", "0", "at", "once", "factor"]
    schema = labmesh("param", "describe", "bench", "label", "--json").json
    assert list(schema["properties"]) == ["label"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("set", "bench", "gian=3"), 2, "no parameter 'gian'; did you mean gain?"),
        (("get", "bench", "labl"), 2, "did you mean label?"),
        (("describe", "bench", "labl"), 2, "did you mean label?"),
        (("set", "bench", "gain=-1", "label=x"), 1, "greater than or equal to 0"),
        (("set", "bench", "gain"), 2, "'gain' is not NAME=VALUE"),
        (("load", "bench", "nowhere.yaml"), 2, "nowhere.yaml: parameters cannot be read"),
    ],
)
def test_parameters_that_cannot_be_say_why(
    labmesh: Command, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = labmesh("param", "get", "bench", "--json").json
    answer = labmesh("param", *arguments)
    assert answer.code == code
    assert said in answer.err
    assert labmesh("param", "get", "bench", "--json").json == before


def test_lifecycle(labmesh: Command) -> None:
    states = {each["node"]: each for each in labmesh("lifecycle", "list", "--json").json}
    assert states["kit/bench"]["possible"] == ["deactivate", "shutdown"]
    assert labmesh.text("lifecycle", "get", "bench") == "active\n"
    assert labmesh.text("lifecycle", "set", "bench", "deactivate") == "kit/bench is inactive\n"
    assert "activate, cleanup, shutdown" in labmesh.text("lifecycle", "list", "bench")
    refused = labmesh("service", "call", "bench", "bench.count")
    assert refused.code == 1
    assert "kit/bench is inactive; activate it: labmesh lifecycle set kit/bench" in refused.err
    again = labmesh("lifecycle", "set", "bench", "deactivate")
    assert again.code == 1
    assert "it cannot deactivate; possible: activate, cleanup, shutdown" in again.err
    answer = labmesh("lifecycle", "set", "bench", "activate", "--json", "--reason", "checked")
    assert answer.json == {"node": "kit/bench", "state": "active", "id": 3}
    assert labmesh("lifecycle", "get", "bench", "--json").json["reason"] == "checked"
    assert labmesh("lifecycle", "set", "bench", "fly").code == 2


def test_topic_list(labmesh: Command) -> None:
    topics = {each["topic"]: each for each in labmesh("topic", "list", "--json").json}
    assert topics["lab1/kit/bench/node/life"]["type"] == "Lifecycle@2"
    assert topics["lab1/kit/bench/node/life"]["retained"]
    assert not topics["lab1/kit/bench/event/milestone"]["retained"]
    text = labmesh.text("topic", "list", "~kit/clock/#")
    assert "lab1/kit/clock/clock " in text
    assert "bench" not in text


def test_topic_echo(labmesh: Command) -> None:
    text = labmesh.text("topic", "echo", "~kit/bench/node/life", "--once")
    assert text.startswith("lab1/kit/bench/node/life Lifecycle@2 20")
    assert "retained\n  state: active\n" in text
    (message,) = labmesh("topic", "echo", "~kit/clock/clock", "--once", "--json").json_lines
    assert message["header"]["sender"] == "kit/clock"
    two = labmesh(
        "topic", "echo", "~kit/clock/clock", "-n", "2", "--no-retained", "--json"
    ).json_lines
    assert two[0]["header"]["seq"] < two[1]["header"]["seq"]
    life = ("topic", "echo", "~kit/bench/node/life", "--once")
    assert labmesh.text(*life, "--field", "body.state") == "active\n"
    assert labmesh(*life, "--field", "body.state", "--json").json == "active"
    raw = labmesh("topic", "echo", "lab1/kit/bench/node/life", "--once", "--raw").out.split()
    assert bytes.fromhex(raw[1]).startswith(b"\x89")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("~kit/nobody/#", "--once", "--timeout", "0.3"), "0 of 1 messages came within 0.3 s"),
        (("kit/bench/#", "--once"), "write '~kit/bench/#', or lab1/... in full"),
        (("~kit/#/x", "--once"), "# is the last level"),
        (("~kit/clock/clock", "--once", "--field", "body.tim", "--timeout", "0.3"), "no field"),
    ],
)
def test_an_echo_that_fails_says_why(
    labmesh: Command, arguments: tuple[str, ...], said: str
) -> None:
    answer = labmesh("topic", "echo", *arguments)
    assert answer.code in (1, 2)
    assert said in answer.err


def test_topic_pub(labmesh: Command) -> None:
    body = json.dumps({"task": "demo", "done": 3})
    line = labmesh.text("topic", "pub", "event/demo", "Milestone@1", body, "--retain")
    assert line.startswith("lab1/kit/cli/event/demo Milestone@1 ")
    echo = ("topic", "echo", "~kit/cli/event/demo", "--once", "--field", "body.done")
    assert labmesh.text(*echo) == "3\n"
    twice = labmesh(
        "topic", "pub", "~kit/cli/event/x", "Milestone@1", body, "--times", "2", "--rate", "50",
        "--json",
    ).json_lines  # fmt: skip
    assert [each["topic"] for each in twice] == ["lab1/kit/cli/event/x"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("~kit/bench/event/x", "Milestone@1", "{task: a, done: 1}"), "is not below lab1/kit/cli"),
        (("event/x", "Milestone@9"), "version of 'Milestone@9' is not known"),
        (("event/x", "Milestone@1", "{task: a}"), "body.done: Field required"),
        (("event/#", "Milestone@1", "{task: a, done: 1}"), "no wildcards"),
    ],
)
def test_a_pub_that_cannot_be_says_why(
    labmesh: Command, arguments: tuple[str, ...], said: str
) -> None:
    answer = labmesh("topic", "pub", *arguments)
    assert answer.code in (1, 2)
    assert said in answer.err


def test_clock(labmesh: Command) -> None:
    shown = labmesh("clock", "show", "--json").json
    assert shown["clock"] == "kit/clock"
    assert labmesh("clock", "rate", "60", "--json").json == {"clock": "kit/clock", "rate": 60.0}
    assert "60 simulated seconds a second" in labmesh.text("clock", "show")
    assert labmesh.text("clock", "rate", "0") == "kit/clock is paused\n"
    assert "paused" in labmesh.text("clock", "show", "--clock", "kit/clock")
    assert "kit/bench has published" in labmesh("clock", "show", "--clock", "kit/bench").err
