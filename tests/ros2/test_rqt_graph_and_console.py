"""ROS 2: rqt_graph and rqt_console; here `labmesh graph` and `labmesh log`, exact and retained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labmesh.cli._house import elsewhere, running_house


@pytest.mark.usefixtures("mosquitto_program")
def test_who_talks_to_whom_and_what_they_say(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        picture = tmp_path / "mesh.svg"
        graph, text, dot, drawn, record = elsewhere(
            house,
            "graph --json",
            "graph",
            "graph --dot kit",
            f"graph --output {picture}",
            "log --node therm --level warn --filter 'm.values.value >= 290' -n 1 --json",
        )
    edges = {(e["from"], e["to"], e["kind"], e["label"]) for e in graph.json["edges"]}
    assert edges == {
        ("kit/therm", "kit/heater", "topic", "data/temperature"),
        ("kit/heater", "kit/therm", "call", "therm.offset"),
        ("kit/heater", "kit/broker", "request", "gas/pipeline"),
        ("kit/broker", "kit/heater", "order", "warmth/by_fire"),
    }
    assert graph.json["missing"] == ["gas/pipeline"]
    lines = [line.split() for line in text.out.splitlines()]
    assert ["asks", "kit/broker", "gas/pipeline", "nobody", "offers", "it"] in lines
    assert ["hears", "kit/therm", "data/temperature", "HouseTemperature@1"] in lines
    assert '"kit/therm" -> "kit/heater" [label="data/temperature", style=solid]' in dot.out
    assert drawn.code == 0
    assert picture.stat().st_size > 5000
    assert record.json_lines[0]["text"] == "it is getting warm"
