from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import messages
from messages import catalogue
from messages.model import TYPES

MODULES = sorted(
    f"messages.{path.stem}"
    for path in Path(messages.__path__[0]).glob("*.py")
    if path.stem != "__init__"
)


def printed(statement: str, expression: str) -> list[str]:
    """Return the value that ``expression`` has in a fresh interpreter after ``statement``."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps({expression}))"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    found: list[str] = json.loads(run.stdout)
    return found


def loaded_by(statement: str) -> set[str]:
    """Return the modules a fresh interpreter holds after ``statement``."""
    return set(printed(statement, "sorted(sys.modules)"))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_the_first_imported(module: str) -> None:
    assert module in loaded_by(f"import {module}")


def test_names_and_topics_are_light() -> None:
    loaded = loaded_by("import messages.ids, messages.topics, messages.errors")
    assert not loaded & {"numpy", "pydantic", "msgpack", "asyncio"}


def test_ledger_messages_do_without_numpy() -> None:
    statement = "import messages.ledger, messages.node, messages.query, messages.envelope"
    assert "numpy" not in loaded_by(statement)


def test_messages_do_no_input_or_output() -> None:
    loaded = loaded_by(f"import {', '.join(MODULES)}")
    assert not loaded & {"asyncio", "sqlite3", "sqlalchemy", "paho", "labmesh", "nodes"}


def test_the_catalogue_completes_the_registry() -> None:
    catalogue.load()
    found = printed("import messages.catalogue; from messages.model import TYPES", "sorted(TYPES)")
    here = {name for name, cls in TYPES.items() if cls.__module__.startswith("messages.")}
    assert set(found) == here
    assert {"Request@2", "Result@1", "Presence@1", "Call@1", "Entry@1"} <= here
