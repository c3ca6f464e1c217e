"""Message types and capabilities, without a mesh."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from labmesh.cli._data import parse_map
from labmesh.cli._example import example_yaml
from labmesh.cli._interfaces import capabilities, models
from labmesh.cli._schema_table import field_rows
from labmesh.cli._topic_table import TOPIC_CLASSES
from messages import topics
from messages.capabilities import CAPABILITIES
from messages.electrolyte import ConductivityInput
from messages.envelope import validate
from messages.errors import BodyError, ConfigurationError
from messages.model import TYPES
from messages.schema import hash_schema, json_schema
from messages.topics import MAX_LEVELS
from tests.labmesh.cli._house import House
from tests.labmesh.cli._lab import Command


def test_list_knows_every_type_and_capability(labmesh: Command) -> None:
    found = labmesh("interface", "list", "--json").json
    assert set(found["messages"]) >= {"Request@2", "Presence@1", "ClockTick@1"}
    assert set(found["capabilities"]) == {"/".join(key) for key in CAPABILITIES}
    text = labmesh.text("interface", "list")
    assert "Request@2" in text
    assert "conductivity/two_electrode" in text


def test_show_a_message_as_table_and_as_schema(labmesh: Command) -> None:
    text = labmesh.text("interface", "show", "Request")
    assert text.startswith("Request@2\nAsk for a quantity by a method.")
    assert "priority" in text
    assert "≥ 0, ≤ 9" in text
    schema = labmesh("interface", "show", "Request@2", "--json").json
    assert schema == json_schema(TYPES["Request@2"])
    assert labmesh("interface", "show", "Request@2", "--schema").json == schema
    assert hash_schema(schema) in text


def test_show_a_capability_shows_both_ends_with_units(labmesh: Command) -> None:
    text = labmesh.text("interface", "show", "conductivity/two_electrode")
    assert "conductivity/two_electrode parameters" in text
    assert "conductivity/two_electrode result" in text
    rows = {row.name: row for row in field_rows(json_schema(ConductivityInput))}
    assert rows["temperature"].unit == "K"
    assert rows["temperature"].term == "ThermodynamicTemperature"
    assert "ThermodynamicTemperature" in text
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
    assert "did you mean Request@2?" in answer.err


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


def _everything() -> dict[str, type[BaseModel]]:
    ends = {
        f"{name} {role}": getattr(each, role)
        for name, each in capabilities().items()
        for role in ("input", "output")
    }
    return {**models(), **ends}


@pytest.mark.parametrize("name", _everything())
def test_an_example_of_every_type_is_valid(name: str) -> None:
    model = _everything()[name]
    plain = parse_map(example_yaml(json_schema(model)), what="it", where="here")
    if name == "radial_density_function/molecular_dynamics output":
        # What no JSON Schema says: one array's shape follows from another's.
        with pytest.raises(BodyError, match="has shape"):
            validate(model, plain, where="body")
    else:
        validate(model, plain, where="body")


def test_an_example_is_ready_to_edit(labmesh: Command) -> None:
    text = labmesh.text("interface", "proto", "conductivity/two_electrode")
    assert "temperature: 298.15  # K, > 0, of the electrolyte" in text
    assert labmesh("interface", "proto", "Request", "--json").json["quantity"] == "text"
    arrays = labmesh("interface", "proto", "--result", "radial_density_function/molecular_dynamics")
    assert "edit it before it is valid" in arrays.err
    numbers = parse_map("a: {dtype: <f8, shape: [2], data: [1, 2.5]}", what="it", where="here")
    assert numbers["a"]["data"] == np.array([1, 2.5], "<f8").tobytes()
    with pytest.raises(ConfigurationError, match="no array of <f8"):
        parse_map("a: {dtype: <f8, shape: [1], data: [x]}", what="it", where="here")


def test_the_topics_are_an_asyncapi_document(labmesh: Command, tmp_path: Path) -> None:
    """By the rules of AsyncAPI 3.0.0: required keys, references that lead somewhere, parameters."""
    file = tmp_path / "mesh.json"
    assert "classes of topics" in labmesh.text("interface", "export", "--asyncapi", file)
    document = json.loads(file.read_text())
    assert document == labmesh("interface", "export", "--asyncapi", "-").json
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}

    def target(reference: str) -> Any:
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return found

    def references(value: Any) -> Iterator[str]:
        items = value.values() if isinstance(value, dict) else value
        for item in items if isinstance(value, dict | list) else ():
            yield from references(item)
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            yield value["$ref"]

    assert all(target(each) for each in references(document))
    names = [*document["channels"], *document["operations"]]
    names += [key for each in document["components"].values() for key in each]
    assert all(re.fullmatch(r"[\w.-]+", each) for each in names)
    for channel in document["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])
        assert len(channel["address"].split("/")) <= MAX_LEVELS
    for operation in document["operations"].values():
        assert operation["action"] == "send"
        prefix = operation["channel"]["$ref"] + "/messages/"
        assert all(each["$ref"].startswith(prefix) for each in operation["messages"])
    assert document["operations"]["publish_call"]["reply"]["channel"]["$ref"] == "#/channels/reply"
    for message in document["components"]["messages"].values():
        assert target(message["payload"]["properties"]["body"]["$ref"])["type"] == "object"
    assert labmesh("interface", "export").code == 2


def test_whatever_a_mesh_says_has_its_class_of_topic(labmesh: Command, house: House) -> None:
    seen = labmesh("topic", "list", "--json").json
    assert len(seen) > 30
    directed = {each.name for each in TOPIC_CLASSES if "{toSite}" in each.address}
    assert directed == topics.ADDRESSED, "every class of directed topic is in the table"
    for each in seen:
        rest = each["topic"].split("/", 3)[3]
        kind = next((c for c in TOPIC_CLASSES if _is_at(c.address, rest)), None)
        assert kind is not None, each
        if kind.types and "type" in each:
            assert each["type"] in kind.types, each
            assert each["retained"] <= kind.retained, each


def _is_at(address: str, rest: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", address), rest) is not None
