"""Message types and capabilities, without a mesh."""

from __future__ import annotations

import json
from pathlib import Path

from labmesh.cli._schema_table import field_rows
from messages.capabilities import CAPABILITIES
from messages.electrolyte import ConductivityInput
from messages.model import TYPES
from messages.schema import hash_schema, json_schema
from tests.labmesh.cli._lab import Command


def test_list_knows_every_type_and_capability(labmesh: Command) -> None:
    found = labmesh("interface", "list", "--json").json
    assert set(found["messages"]) >= {"Request@1", "Presence@1", "ClockTick@1"}
    assert set(found["capabilities"]) == {"/".join(key) for key in CAPABILITIES}
    text = labmesh.text("interface", "list")
    assert "Request@1" in text
    assert "conductivity/two_electrode" in text


def test_show_a_message_as_table_and_as_schema(labmesh: Command) -> None:
    text = labmesh.text("interface", "show", "Request")
    assert text.startswith("Request@1\nAsk for a quantity by a method.")
    assert "priority" in text
    assert "≥ 0, ≤ 9" in text
    schema = labmesh("interface", "show", "Request@1", "--json").json
    assert schema == json_schema(TYPES["Request@1"])
    assert labmesh("interface", "show", "Request@1", "--schema").json == schema
    assert hash_schema(schema) in text


def test_show_a_capability_shows_both_ends_with_units(labmesh: Command) -> None:
    text = labmesh.text("interface", "show", "conductivity/two_electrode")
    assert "conductivity/two_electrode parameters" in text
    assert "conductivity/two_electrode result" in text
    rows = {row.name: row for row in field_rows(json_schema(ConductivityInput))}
    assert rows["temperature"].unit == "K"
    assert rows["formulation.components[].fraction"].required
    schemas = labmesh("interface", "show", "conductivity/two_electrode", "--json").json
    assert list(schemas) == [
        "conductivity/two_electrode parameters", "conductivity/two_electrode result",
    ]  # fmt: skip


def test_a_type_that_a_capability_names_can_be_shown(labmesh: Command) -> None:
    assert "temperature" in labmesh.text("interface", "show", "ConductivityInput")


def test_every_interface_can_be_shown(labmesh: Command) -> None:
    found = labmesh("interface", "list", "--json").json
    for name in [*found["messages"], *found["capabilities"]]:
        assert name in labmesh.text("interface", "show", name)


def test_an_unknown_name_names_the_nearest(labmesh: Command) -> None:
    answer = labmesh("interface", "show", "Requests")
    assert answer.code == 2
    assert "did you mean Request@1?" in answer.err


def test_export_writes_every_schema_and_an_index(labmesh: Command, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    index = labmesh("interface", "export", folder, "--json").json
    assert index == json.loads((folder / "index.json").read_text())
    for each in index["messages"].values():
        assert hash_schema(json.loads((folder / each["file"]).read_text())) == each["sha256"]
    ends = index["capabilities"]["conductivity/two_electrode"]
    assert (folder / ends["parameters"]["file"]).is_file()
    assert (folder / ends["result"]["file"]).is_file()
    assert "index.json" in labmesh.text("interface", "export", folder)


def test_export_to_where_nothing_can_be_written(labmesh: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = labmesh("interface", "export", tmp_path / "file" / "below")
    assert answer.code == 2
    assert "cannot be written" in answer.err
