"""What is retained and no message of ours: said once, in words that help, and removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.labmesh.cli._lab import BENCH, Command, Lab, eventually
from tests.labmesh.mosquitto._client import client

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def retain(lab: Lab) -> Callable[[str, bytes], None]:
    """Lets a client with a node's user name retain something below its prefix."""

    def work(topic: str, payload: bytes) -> None:
        with client(lab.broker.port, topic.split("/")[2]) as paho:
            assert paho.publish(topic, payload, retain=True) < 128  # 16: nobody listens

    return work


def test_garbage_is_named_with_its_remedy_and_cleared(
    labmesh: Command, retain: Callable[[str, bytes], None]
) -> None:
    garbage = ["lab1/kit/bench/node/diag/junk", "lab1/kit/bench/node/diag/trash"]
    for topic in garbage:
        retain(topic, b"\xc1 no message")
    answer = labmesh("node", "list")
    assert answer.code == 0
    told = [line for line in answer.err.splitlines() if "no message of ours" in line]
    assert len(told) == 1
    assert f"{garbage[0]} is retained and no message of ours" in told[0]
    assert "nor are 1 others" in told[0]
    assert f"labmesh topic clear '{garbage[0]}' removes it" in told[0]
    assert f"cleared {garbage[0]}" in labmesh.text("topic", "clear", garbage[0])
    assert "cleared" in labmesh.text("topic", "clear", "~kit/bench/node/diag/trash")
    assert "nothing is retained" in labmesh.text("topic", "clear", garbage[0])
    assert "no message of ours" not in labmesh("node", "list").err


def test_what_an_online_node_says_is_left_alone(labmesh: Command) -> None:
    answer = labmesh("topic", "clear", "~kit/bench/node/life")
    assert answer.code == 1
    assert "kit/bench is online, and says this itself" in answer.err
    assert "kit/bench" in labmesh.text("node", "list")


def test_what_a_node_left_behind_is_cleared(labmesh: Command, lab: Lab) -> None:
    lab.start(BENCH, "leaver")
    eventually(lambda: "kit/leaver" in labmesh.text("node", "list"))
    process = lab.nodes.pop("leaver")
    process.kill()
    process.wait(20)
    eventually(lambda: "lost" in labmesh.text("node", "list"))
    assert "4 nodes: 3 online, 1 lost" in labmesh("node", "list").err
    kept = [each["topic"] for each in labmesh("topic", "list", "~kit/leaver/#", "--json").json]
    for topic in kept:
        assert labmesh("topic", "clear", topic).code == 0
    assert "kit/leaver" not in labmesh.text("node", "list", "--all")
    assert "3 nodes: 3 online" in labmesh("node", "list").err


@pytest.mark.parametrize("topic", ["~kit/+/node/life", "~kit/bench", "lab2/kit/bench/x"])
def test_only_one_topic_of_somebody_is_cleared(labmesh: Command, topic: str) -> None:
    answer = labmesh("topic", "clear", topic)
    assert answer.code == 2
    assert "topic" in answer.err
