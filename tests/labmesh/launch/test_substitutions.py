"""What substitutions stand for."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import LaunchError, LogStep, World, load_plan

HEAD = """\
labmesh_launch: 1
launch:
  - arg: {name: count, default: 3}
  - arg: {name: flag, default: true}
  - arg: {name: text, default: some words}
  - arg: {name: nothing, default: null}
  - arg: {name: ratio, default: 0.5}
"""


def world(folder: Path) -> World:
    return World(
        now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        suffix="t0",
        environment={"HOST": "lab", "EMPTY": ""},
        cwd=folder,
    )


def evaluated(folder: Path, value: str) -> Any:
    """Return what ``value`` (YAML) becomes as the value of an argument without a type."""
    file = folder / "file.yaml"
    file.write_text(f"{HEAD}  - arg: {{name: result, default: {value}}}\n")
    plan = load_plan(file, world=world(folder))
    return next(a.value for a in plan.arguments if a.name == "result")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # A lone substitution keeps its value's type ...
        ("$(var count)", 3),
        ("$(var flag)", True),
        ("$(var ratio)", 0.5),
        ("$(if $(var flag) $(var count) 0)", 3),
        # ... within a text it is text.
        ("a $(var count) b", "a 3 b"),
        ("is $(var flag)", "is true"),
        ("'$(var text)!'", "some words!"),
        ("x$(var nothing)y", "xy"),
        ("$(env HOST)", "lab"),
        ("$(env NOWHERE)$(var text)", LaunchError),
        ("$(env NOWHERE here)", "here"),
        ("$(env EMPTY other)", ""),
        ("$(env NOWHERE $(var text))", "some words"),
        ("$(env NOWHERE 'two words')", "two words"),
        ("$(anon node)", "node-t0"),
        ("$(now)", "20260102-030405"),
        ("$(equals $(var count) 3.0)", True),
        ("$(equals a b)", False),
        ("$(not-equals a b)", True),
        ("$(not $(var flag))", False),
        ("$(and true $(var flag) 1)", True),
        ("$(or false 0)", False),
        ("$(if false yes)", ""),
        ("$(if false yes 'no, thanks')", "no, thanks"),
        ("$(var $(if true count text))", 3),
        # Other spellings, most of them ROS 2's.
        ("$(if-else false 1 2)", "2"),
        ("$(any false $(var flag))", True),
        ("$(all true)", True),
        ("$(optenv NOWHERE x)", "x"),
        ("$(command 'echo two  words')", "two words"),
        ("v$(command 'printf 1.2' 30)", "v1.2"),
        ("$$(var count)", "$(var count)"),
        ("cost $5", "cost $5"),
        ("$$", "$$"),
        # Plain scalars are those of YAML 1.2.
        ("no", "no"),
        ("1e-3", 0.001),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("'3'", "3"),
        ("0x10", 16),
    ],
)
def test_value(tmp_path: Path, value: str, expected: Any) -> None:
    if expected is LaunchError:
        with pytest.raises(LaunchError, match="environment variable 'NOWHERE' is not set"):
            evaluated(tmp_path, f'"{value}"')
        return
    quoted = value if value[0] in "'\"" or "$" not in value else '"' + value + '"'
    found = evaluated(tmp_path, quoted)
    assert found == expected
    assert type(found) is type(expected)


def test_dirname_and_find_file_of_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "data.csv").touch()
    (tmp_path / "here.csv").touch()
    (tmp_path / "inner" / "part.yaml").write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        "  - log: $(dirname)\n"
        "  - log: $(find-file data.csv)\n"
        "  - log: $(find-file here.csv)\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text("labmesh_launch: 1\nlaunch: [{include: inner/part.yaml}]\n")
    messages = [
        step.message
        for step in load_plan(main, world=world(tmp_path)).steps
        if isinstance(step, LogStep)
    ]
    inner = tmp_path / "inner"
    assert messages == [str(inner), str(inner / "data.csv"), str(tmp_path / "here.csv")]


def test_set_env_is_seen_by_env_in_its_scope_only(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        "  - group:\n"
        "      actions:\n"
        "        - set_env: {name: HOST, value: other}\n"
        "        - log: $(env HOST)\n"
        "  - log: $(env HOST)\n"
    )
    steps = load_plan(file, world=world(tmp_path)).steps
    assert [step.message for step in steps if isinstance(step, LogStep)] == ["other", "lab"]


def test_content_of_a_file_and_output_of_a_program(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "version.txt").write_text("1.2\n3\n")
    file = tmp_path / "inner" / "file.yaml"
    file.write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        "  - set_env: {name: WORD, value: scoped}\n"
        "  - log: $(file version.txt)\n"
        "  - log: $(command 'sh -c \"pwd; echo $WORD\"')\n"
        "  - log: $(file ../outside.txt)\n"
    )
    (tmp_path / "outside.txt").write_text("secret")
    seen = world(tmp_path)
    steps = load_plan(file, world=seen).steps
    assert [step.message for step in steps if isinstance(step, LogStep)] == [
        "1.2\n3",
        f"{tmp_path / 'inner'}\nscoped",
        "secret",
    ]
    assert tmp_path / "outside.txt" in seen.files
    # One that is confined to its folder neither reads outside it nor runs a program.
    confined = dataclasses.replace(seen, root=tmp_path / "inner", files=[])
    with pytest.raises(LaunchError) as caught:
        load_plan(file, world=confined)
    command, outside = caught.value.problems
    assert "runs no program while it is read" in command.what
    assert outside.what == "file '../outside.txt' is outside the folder of this launch"


def test_parameters_for_all_who_know_them(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(
        "labmesh_launch: 1\nlaunch: [node: {run: clock, name: included}]\n"
    )
    file = tmp_path / "file.yaml"
    file.write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        "  - mqtt_broker: embedded\n"
        "  - node: {run: clock, name: before}\n"
        "  - set_parameter: {name: rate, value: 60}\n"
        "  - node: {run: clock, name: after}\n"
        "  - node: {run: clock, name: own, param: {rate: 7}}\n"
        "  - node: {run: asab}\n"
        "  - include: part.yaml\n"
        "  - group:\n"
        "      actions:\n"
        "        - set_parameter: {name: rate, value: 2}\n"
        "        - node: {run: clock, name: inner}\n"
        "  - node: {run: clock, name: outer}\n"
    )
    nodes = load_plan(file, world=world(tmp_path)).nodes()
    assert {node.name: node.parameters.get("rate") for node in nodes} == {
        "before": None, "after": 60, "own": 7, "asab": None, "included": 60, "inner": 2,
        "outer": 60,
    }  # fmt: skip
