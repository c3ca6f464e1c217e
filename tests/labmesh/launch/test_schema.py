"""The published JSON Schema: up to date, and of one mind with the parser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from labmesh.launch import launch_schema

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PUBLISHED = ROOT / "docs" / "launch.schema.json"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_published_schema_is_up_to_date() -> None:
    remedy = "run: labmesh launch --schema > docs/launch.schema.json"
    assert json.loads(PUBLISHED.read_text()) == launch_schema(), remedy


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "launch").glob("*.launch.yaml")),
        HERE / "golden" / "everything.yaml",
        HERE / "golden" / "parts" / "worker.yaml",
    ],
    ids=lambda path: path.name,
)
def test_sound_files_are_valid(path: Path) -> None:
    jsonschema_rs.validator_for(launch_schema()).validate(load(path))


@pytest.mark.parametrize(
    "name",
    ["unknown_action", "unknown_key", "missing_key", "top_level", "beside_action"],
)
def test_mistakes_of_shape_are_invalid(name: str) -> None:
    content = load(HERE / "mistakes" / f"{name}.yaml")
    assert not jsonschema_rs.validator_for(launch_schema()).is_valid(content)


def test_every_key_is_described() -> None:
    for name, definition in launch_schema()["$defs"].items():
        if name == "action":
            continue
        assert definition["description"], name
        body = definition["properties"][name]
        body = body["anyOf"][1] if "anyOf" in body else body
        for key, schema in body["properties"].items():
            assert schema["description"], f"{name}.{key}"
