"""What docs/streams.md shows runs, and does what the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from labmesh import NoArguments, Node, NodeParameters, service
from labmesh.listing import retained
from messages.model import JsonObject
from tests.docs.test_pages import ROOT, blocks
from tests.labmesh.node.conftest import running
from tests.ros2.lab import Lab, remapped, until
from tests.support import MqttBroker

EXAMPLES = ROOT / "docs" / "examples"


class Heater(Node[NodeParameters]):
    """Notes that it was switched off."""

    off = 0

    @service("heater.off")
    async def switch_off(self, arguments: NoArguments) -> JsonObject:
        """Note it."""
        self.off += 1
        return {}


@pytest.fixture
async def lab(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> AsyncIterator[Lab]:
    made = Lab(shared_mqtt_broker, tmp_path)
    yield made
    await made.close()


async def test_the_thermometer_and_its_guard(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import thermostat  # type: ignore[import-not-found]

    heater, visitor = await lab.start(Heater), await lab.visitor()
    thermometer = thermostat.Thermometer(lab.options(parameters={"sample_every": 0.05}))
    names = remapped(bath=str(thermometer.id), heater=str(heater.id))
    guard = await lab.start(thermostat.Guard, remap=names, parameters={"highest": 290.0})
    topic = visitor.mesh.topics.of(guard.id, "data", "alarm")

    async def alarm() -> tuple[bool, str]:
        found: list[Any] = await retained(visitor.mesh, topic, thermostat.Alarm)
        return (found[-1][1].on, found[-1][1].reason) if found else (False, "")

    async with running(thermometer):
        await until(lambda: heater.off)
        said: tuple[bool, str] = (False, "")
        while "is at 29" not in said[1]:
            said = await alarm()
        assert said[0]
        call = visitor.caller.call
        raw: list[Any] = []
        await guard.create_subscription(
            thermometer.id, "raw", thermostat.Temperature, raw.append, depth=100
        )
        assert await call(thermometer.id, "probe.burst", {}, timeout=20) == {"readings": 20}
        await until(lambda: len(raw) == 20)
        await call(guard.id, "param.set", {"values": {"highest": 400.0}})
        while said[0]:
            said = await alarm()
    while "it is offline" not in said[1]:
        said = await alarm()
    assert said[0]
    assert "thermostat" in sys.modules


def test_the_code_shown_is_the_code_that_runs() -> None:
    example = (EXAMPLES / "thermostat.py").read_text(encoding="utf-8")
    shown = [text.strip("\n") for _, text in blocks("docs/streams.md", "python")]
    assert len(shown) == 4
    for text in shown:
        assert text in example, text


def test_every_word_of_the_page_exists() -> None:
    import labmesh
    import labmesh.streams

    page = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    for name in re.findall(r"`self\.(\w+)\(", page):
        assert hasattr(Node, name), name
    for name in re.findall(r"`(?:labmesh\.)?([A-Z_]{4,})`", page):
        assert hasattr(labmesh.streams, name), name
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / target).exists(), target
