"""Commands of other packages: found and named without importing them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.labmesh.cli._lab import Command

MODULE = '''"""``labmesh count``: counts the lines of a file."""

from pathlib import Path

import click

from labmesh.cli.extend import ConfigurationError, Output, json_command


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_command
def command(out: Output, file: Path) -> None:
    """Count the lines of a file."""
    if not file.exists():
        raise ConfigurationError(f"no file {file}", remedy="look for it")
    lines = len(file.read_text().splitlines())
    if out.as_json:
        out.document({"lines": lines})
    else:
        out.table(("file", "lines"), [(file.name, lines)], empty="nothing")
'''


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin_count.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("raise RuntimeError('never imported')\n")
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[labmesh.commands]\ncount = plugin_count:command\nbroken=broken:command\n"
        "node = plugin_count:command\n\n[other]\nx = y:z\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def test_help_names_them_without_importing_them(labmesh: Command) -> None:
    shown = labmesh.text("--help")
    assert "Commands of nodes:\n" in shown
    assert re.search(r"^  count +Counts the lines of a file\.$", shown, re.MULTILINE)
    assert "plugin_count" not in sys.modules
    assert shown.count("  node ") == 1, "ours is not to be replaced"


def test_they_answer_and_fail_as_ours(labmesh: Command, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("1\n2\n")
    assert labmesh("count", str(file), "--json").json == {"lines": 2}
    answer = labmesh("count", "nothing")
    assert (answer.code, answer.err) == (2, "labmesh: no file nothing; look for it\n")


def test_one_that_cannot_be_imported_is_one_line(labmesh: Command) -> None:
    answer = labmesh("broken")
    assert answer.code == 1
    assert answer.err.startswith("labmesh: ")
    assert "never imported" in answer.err
    assert answer.err.count("\n") == 1
