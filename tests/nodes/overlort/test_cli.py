"""labmesh workflow, where it needs no lab."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from nodes.overlort.cli import command
from tests.nodes.overlort.worlds import WORKSHOP

EOL = Path(__file__).parents[3] / "launch" / "workflows" / "eol.workflow.yaml"


def workflow(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_check() -> None:
    sound = workflow("check", EOL)
    assert (sound.exit_code, sound.stdout) == (0, f"{EOL}: eol is sound, 8 steps\n")
    strange = workflow("check", WORKSHOP)
    assert strange.exit_code == 0
    assert "only a lab knows workshop/mix, workshop/test, workshop/dispose" in strange.stderr


def test_check_points_at_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(EOL.read_text("utf-8").replace("volume: 5.0e-6", "volumen: 5.0e-6"), "utf-8")
    wrong = workflow("check", file)
    assert wrong.exit_code == 2
    line = 1 + file.read_text("utf-8").split("volumen")[0].count("\n")
    assert f"{file}:{line}: steps.formulate.parameters.volumen: there is no volumen" in wrong.stderr
    told = json.loads(workflow("check", file, "--json").stdout)
    assert sorted(each["line"] for each in told["mistakes"]) == [line - 2, line]


def test_graph() -> None:
    text = workflow("graph", WORKSHOP).stdout.splitlines()
    assert text == [
        "mix   workshop/mix; undone by workshop/dispose",
        "test  workshop/test; after mix; for each, at least input.least",
    ]
    dot = workflow("graph", EOL, "--dot").stdout
    assert dot.startswith('digraph "eol" {')
    assert "  assemble -> carry_cells;" in dot
    told = json.loads(workflow("graph", EOL, "--json").stdout)
    assert [each["step"] for each in told] == [
        "reserve", "formulate", "carry_vial", "measure", "assemble", "carry_cells", "cycle",
        "predict",
    ]  # fmt: skip


def test_schema() -> None:
    assert "labmesh_workflow" in json.loads(workflow("schema").stdout)["properties"]
