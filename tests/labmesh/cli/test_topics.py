"""Verbs about topics, as those know them who come from ROS 2."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.cli._endpoints import overlaps
from labmesh.cli._topic_rates import Arrival, bandwidth_of, delay_of, rate_of
from labmesh.client import visit
from messages.node import Lifecycle, Milestone
from messages.topics import matches
from tests.labmesh.cli._house import House
from tests.labmesh.cli._lab import Command
from tests.support import Processes

TEMPERATURE = "~kit/therm/data/temperature"


@pytest.mark.usefixtures("house")
def test_types_ends_and_quality_of_service(labmesh: Command) -> None:
    lines = labmesh.text("topic", "list", "-t", "~kit/therm/#").splitlines()
    assert "lab1/kit/therm/data/temperature [HouseTemperature@1]" in lines
    assert f"lab1/kit/therm/node/life [{Lifecycle.TYPE}]" in lines
    assert labmesh.text("topic", "type", TEMPERATURE) == "HouseTemperature@1\n"
    assert labmesh.text("topic", "find", "HouseTemperature").split() == [
        "lab1/kit/therm/data/temperature"
    ]
    assert "lab1/kit/heater/node/life" in labmesh("topic", "find", Lifecycle.TYPE, "--json").json
    info = labmesh("topic", "info", TEMPERATURE, "--json").json
    assert info["types"] == ["HouseTemperature@1"]
    assert [each["node"] for each in info["publishers"]] == ["kit/therm"]
    assert [each["node"] for each in info["subscribers"]] == ["kit/heater"]
    text = labmesh.text("topic", "info", "-v", TEMPERATURE)
    assert text.startswith("type         HouseTemperature@1\npublishers   1\nsubscribers  1\n")
    assert "kit/heater" in text
    assert "retained     since" in labmesh.text("topic", "info", "~kit/therm/node/life")
    assert "nobody publishes" in labmesh("topic", "info", "~kit/therm/data/nothing").err
    assert labmesh("topic", "type", "~kit/therm/data/nothing").code == 2
    assert "nothing of type 'Nonsense'" in labmesh("topic", "find", "Nonsense").err


@pytest.mark.usefixtures("house")
def test_how_often_how_much_how_late(labmesh: Command) -> None:
    options = ("--every", "0.25", "--times", "2", "--json")
    report = labmesh("topic", "hz", TEMPERATURE, "--window", "20", *options).json_lines[-1]
    assert report["topic"] == "lab1/kit/therm/data/temperature"
    assert 0 < report["rate"] < 25
    assert report["period"]["min"] <= report["period"]["mean"] <= report["period"]["max"]
    assert labmesh("topic", "bw", TEMPERATURE, *options).json_lines[-1]["size"]["min"] > 100
    late = labmesh("topic", "delay", TEMPERATURE, *options).json_lines[-1]["delay"]
    assert 0 <= late["mean"] < 60
    assert " Hz, period mean " in labmesh.text("topic", "hz", TEMPERATURE, *options[:4])
    assert "/s, message mean " in labmesh.text("topic", "bw", TEMPERATURE, *options[:4])
    nothing = labmesh("topic", "hz", "~kit/nobody/data/x", "--every", "0.1", "--times", "1")
    assert nothing.code == 1
    assert "no message came within 0.1 s" in nothing.err


def test_a_clock_that_is_ahead_is_told(
    labmesh: Command, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = SimpleNamespace(monotonic=time.monotonic, time_ns=lambda: time.time_ns() - 10**10)
    monkeypatch.setattr("labmesh.cli._topic_rates.time", behind)
    answer = labmesh("topic", "delay", TEMPERATURE, "--every", "0.2", "--times", "2")
    assert "before they are stamped: the publisher's clock is ahead" in answer.err
    assert answer.err.count("clock is ahead") == 1


@pytest.mark.usefixtures("house")
def test_echo_filters_and_writes_csv(labmesh: Command) -> None:
    echo = ("topic", "echo", TEMPERATURE)
    found = labmesh(
        *echo, "--filter", "m.value > 300 and m.room == 'kitchen'", "--count", "3", "--json"
    ).json_lines
    assert all(each["body"]["value"] > 300 for each in found)
    rows = list(csv.reader(io.StringIO(labmesh.text(*echo, "--csv", "--count", "2"))))
    assert rows[0] == ["topic", "stamp", "value", "room"]
    assert rows[1][0] == "lab1/kit/therm/data/temperature"
    assert int(rows[1][1]) < int(rows[2][1])
    name, value = labmesh.text(*echo, "--csv", "--field", "value", "--once").split()
    assert (name, float(value) >= 290) == ("value", True)
    assert float(labmesh.text(*echo, "--field", "value", "--once")) >= 290
    both = ("topic", "echo", "~kit/therm/+/+", "--filter", "m.value < 400 and header.seq > 0")
    answer = labmesh(*both, "--count", "3", "--json")
    assert {each["topic"] for each in answer.json_lines} == {"lab1/kit/therm/data/temperature"}
    assert "left out, perhaps others" in answer.err
    none = labmesh(*echo, "--filter", "m.value > 1000", "--once", "--timeout", "0.5")
    assert none.code == 1
    bad = labmesh(*echo, "--filter", "m.__class__")
    assert (bad.code, bad.err.count("\n")) == (2, 1)
    assert labmesh(*echo, "--csv", "--json").code == 2


async def say_listening(house: House) -> None:
    async with visit(house.place, "cli") as visitor:
        mesh = visitor.mesh
        await mesh.send(mesh.topics.own("event", "typed"), Milestone(task="listening", done=0))


async def test_what_is_typed_is_published_as_it_is_typed(
    house: House, processes: Processes, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("labmesh")
    where = ("--mqtt", house.broker.url, "--site", "kit")
    echo = await processes.labmesh("topic", "echo", "~kit/cli/event/typed", *where, "--json")
    while not any("listening" in line for line in echo.stdout):
        await asyncio.to_thread(house.run, say_listening(house))
    text = "task: one\ndone: 1\n---\n" + json.dumps({"task": "two", "done": 2}) + "\n---\n\n"
    done = await processes.run(
        "bash", "-c", f"printf '%s' '{text}{{task: three, done: 3}}' | "
        f"{program} topic pub event/typed Milestone@1 --stdin {' '.join(where)}",
        timeout=60,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert done.stdout.count("lab1/kit/cli/event/typed Milestone@1") == 3
    for task in ("one", "two", "three"):
        await echo.wait_line(f'"task": "{task}"')
    endless = await processes.labmesh(
        "topic", "pub", "event/typed", "Milestone@1", "{task: often, done: 1}", "-r", "20", *where
    )
    for _ in range(3):
        await echo.wait_line('"task": "often"')
    endless.signal(signal.SIGINT)
    assert await endless.wait() == 130
    os.mkfifo(pipe := tmp_path / "pipe")
    open_end = os.open(pipe, os.O_RDWR)
    waiting = await processes.start(
        "bash", "-c", f"exec {program} topic pub event/typed Milestone@1 --stdin {' '.join(where)} "
        f"--json < {pipe}",
    )  # fmt: skip
    os.write(open_end, b'{"task": "four", "done": 4}\n')
    await echo.wait_line('"task": "four"')
    waiting.signal(signal.SIGINT)
    assert await waiting.wait() == 130, "nobody waits for a line that never comes"
    os.close(open_end)


LEVEL = st.sampled_from(["a", "b", "+"])
TOPICS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4).map("/".join)
FILTERS = st.tuples(st.lists(LEVEL, min_size=1, max_size=4), st.booleans()).map(
    lambda t: "/".join([*t[0], "#"] if t[1] else t[0])
)


@given(one=FILTERS, other=FILTERS, topic=TOPICS)
def test_filters_overlap_where_a_topic_matches_both(one: str, other: str, topic: str) -> None:
    assert overlaps(one, other) == overlaps(other, one)
    assert overlaps(one, topic) == matches(one, topic)
    if matches(one, topic) and matches(other, topic):
        assert overlaps(one, other)


TIMES = st.lists(st.floats(0.001, 10), min_size=1, max_size=20)


@given(gaps=TIMES, delays=st.lists(st.floats(-5, 5), min_size=20, max_size=20))
def test_rates_are_what_they_say(gaps: list[float], delays: list[float]) -> None:
    at, arrivals = 0.0, deque[Arrival](maxlen=100)
    for gap, each in zip([0.0, *gaps], delays, strict=False):
        at += gap
        arrivals.append(Arrival(at, 100, each))
    rate: Any = rate_of(arrivals, at)
    if len(arrivals) > 1:
        assert rate["rate"] == pytest.approx(1 / rate["period"]["mean"])
        band: Any = bandwidth_of(arrivals, at)
        assert band["bytes_per_second"] * at == pytest.approx(100 * len(arrivals))
    late: Any = delay_of(arrivals, at)
    assert late["delay"]["min"] <= late["delay"]["mean"] + 1e-9
    assert rate_of(deque(), 0.0) is None
    assert delay_of(deque([Arrival(0.0, 1, None)]), 0.0) is None
