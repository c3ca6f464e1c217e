"""labmesh log: following, choosing, setting levels."""

from __future__ import annotations

import re

import pytest

from tests.labmesh.cli._lab import Command

pytestmark = pytest.mark.usefixtures("house")


def test_follow_choose_and_set(labmesh: Command) -> None:
    line = labmesh.text("log", "--node", "therm", "--filter", "m.text == 'measured'", "-n", "1")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO  kit/therm: measured value=\d+\.0\n", line)
    (record,) = labmesh("log", "--level", "warn", "-n", "1", "--json").json_lines
    assert record["text"] == "it is getting warm"
    assert (record["node"], record["level"]) == ("kit/therm", "warn")
    hot = labmesh("log", "--filter", "m.values.value > 300", "-n", "2", "--json").json_lines
    assert all(each["values"]["value"] > 300 for each in hot)
    assert labmesh("log", "--filter", "m.nothing(", "-n", "1").code == 2
    assert labmesh("log", "--node", "thermo", "-n", "1").code == 2
    assert labmesh("log", "level", "therm", "--json").json["mesh"] == "info"
    assert "mesh    error" in labmesh.text("log", "level", "therm", "error", "--scope", "mesh")
    assert labmesh("log", "level", "therm", "info", "--scope", "mesh").code == 0
    assert labmesh("log", "level", "therm", "loud").code == 2
