"""docs/workflows.md: its file is sound, and names every key there is."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from nodes.overlort import Workflow, check
from nodes.overlort._definition import CompensationSection, ServesSection, StepSection
from nodes.overlort._functions import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text("utf-8")


def test_the_example_is_sound() -> None:
    example = next(
        text for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        if "labmesh_workflow" in text
    )  # fmt: skip
    assert check(Workflow.model_validate(yaml.safe_load(example))) == []


def test_every_key_and_function_is_named() -> None:
    for section in (Workflow, ServesSection, StepSection, CompensationSection):
        for name in section.model_fields:
            assert f"`{name}`" in PAGE or name == "description", name
    for name in FUNCTIONS:
        assert re.search(rf"[` ]{name}[(` ]", PAGE), name
