"""service, action and lifecycle, as those know them who come from ROS 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.labmesh.cli._lab import Command

pytestmark = pytest.mark.usefixtures("house")


def test_services_have_types(labmesh: Command) -> None:
    rows = [line.split() for line in labmesh.text("service", "list", "-t", "heater").splitlines()]
    assert ["kit/heater", "heater.wish", "Wish", "Warmth"] in [row[:4] for row in rows]
    assert labmesh.text("service", "type", "heater", "heater.wish") == "Wish -> Warmth\n"
    assert labmesh("service", "type", "heater", "heater.wich").err.count("did you mean") == 1
    assert labmesh("service", "find", "Warmth", "--json").json[0]["service"] == "heater.wish"
    assert "did you mean Warmth?" in labmesh("service", "find", "Warmt").err


def test_a_service_is_called_for_every_document_that_comes(labmesh: Command) -> None:
    program = Path(sys.executable).with_name("labmesh")
    done = subprocess.run(
        [program, "service", "call", "heater", "heater.wish", "--stdin", "--json"],
        input='{"temperature": 300}\n---\ntemperature: 310.5\n', capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['{"temperature": 300.0}', '{"temperature": 310.5}']
    assert labmesh("service", "call", "heater", "heater.wish", "{a: 1}", "--stdin").code == 2


def test_a_goal_is_a_request(labmesh: Command) -> None:
    assert labmesh.text("action", "list") == "warmth/by_fire\n"
    assert labmesh.text("action", "list", "-t") == "warmth/by_fire [Wish -> Warmth]\n"
    info = labmesh("action", "info", "warmth/by_fire", "--json").json
    assert (info["servers"], info["clients"]) == (["kit/heater"], [])
    assert "servers      1 kit/heater" in labmesh.text("action", "info", "warmth/by_fire")
    goal = ("action", "send_goal", "warmth/by_fire")
    done = labmesh(*goal, "{temperature: 300}", "-f", "--timeout", "60")
    assert "temperature: 300.0" in done.out, done.err
    assert "burning" in done.err
    events = labmesh(*goal, "{temperature: 301}", "--feedback", "--json").json_lines
    assert [each["event"] for each in events][0::99] == ["accepted"]
    assert events[-1]["result"]["data"] == {"temperature": 301.0}
    identity = events[0]["request"]
    assert labmesh("action", "result", identity, "--json").json["request"] == identity
    assert "resolved" in labmesh.text("request", "info", identity)
    late = labmesh("action", "cancel", identity)
    assert (late.code, late.err.count("\n")) == (1, 1)
    assert "resolved" in late.err
    assert labmesh("action", "send_goal", "warmth").code == 2
    assert "did you mean warmth/by_fire?" in labmesh("action", "info", "warm/by_fire").err
    refused = labmesh(*goal, "{temperature: 3}")
    assert refused.code == 1
    assert "250" in refused.err


def test_requests_are_filtered(labmesh: Command) -> None:
    for temperature in (260, 270, 280):
        text = f"{{temperature: {temperature}}}"
        labmesh.text("action", "send_goal", "warmth/by_fire", text, "--campaign", "filtered")
    listed = ("request", "list", "--campaign", "filtered", "--json", "--filter")
    warm = labmesh(*listed, "m.parameters.temperature > 265").json
    assert [each["parameters"]["temperature"] for each in warm] == [280.0, 270.0]
    one = labmesh(*listed, "m.status == 'resolved'", "--limit", "1").json
    assert len(one) == 1
    nobody = labmesh(*listed, "m.colour == 'red'")
    assert nobody.json == []
    assert "no field 'colour'" in nobody.err


def test_lifecycle_in_ros_spelling(labmesh: Command) -> None:
    assert {"kit/broker", "kit/heater", "kit/therm"} <= set(
        labmesh.text("lifecycle", "nodes").split()
    )
    text = labmesh.text("lifecycle", "list", "therm")
    assert "possible transitions" in text
    assert ["deactivate", "inactive"] in [line.split() for line in text.splitlines()]
