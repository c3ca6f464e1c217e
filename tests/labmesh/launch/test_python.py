"""Launch files in Python: the same plans as in YAML, and mistakes as exactly placed."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import LaunchError, LogStep, Plan, World, load_plan
from labmesh.launch.actions import node

ROOT = Path(__file__).parents[3]
IMPORTS = "from labmesh.launch.actions import *\n"


def without_file(plan: Plan) -> dict[str, Any]:
    return {name: value for name, value in plan.as_dict().items() if name != "file"}


@pytest.mark.parametrize(
    "given", [{}, {"sim_rate": "60", "seed": "3"}, {"mqtt": "mqtt://h:1883", "site": "dtu"}]
)
def test_the_example_is_the_lab_of_yaml(given: dict[str, str]) -> None:
    yaml = load_plan(ROOT / "launch" / "lab.launch.yaml", given, check=False)
    python = load_plan(ROOT / "docs" / "examples" / "lab.launch.py", given)
    assert without_file(python) == without_file(yaml)
    assert [(a.name, a.type, a.description) for a in python.arguments] == [
        (a.name, a.type, a.description) for a in yaml.arguments
    ]


def test_the_page_shows_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = ROOT / "docs" / "examples"
    monkeypatch.chdir(examples)
    monkeypatch.syspath_prepend(str(examples))
    text = (examples / "baths.launch.py").read_text().split('"""\n\n', 1)[1]
    assert f"```python\n{text}```" in (ROOT / "docs" / "launch.md").read_text()
    plan = load_plan("baths.launch.py", {"baths": "3"})
    assert [node.id for node in plan.nodes()] == ["lab/bath0", "lab/bath1", "lab/bath2"]


def plan_of(folder: Path, text: str, **given: str) -> Plan:
    file = folder / "lab.launch.py"
    file.write_text(IMPORTS + textwrap.dedent(text))
    return load_plan(file, given, world=World(cwd=folder), check=True)


def test_everything_else_there_is(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(
        "labmesh_launch: 1\nlaunch: [arg: {name: n}, node: {run: clock, name: $(var n)}]\n"
    )
    (tmp_path / "part.launch.py").write_text(
        IMPORTS + "def generate_launch_description():\n"
        "    return LaunchDescription([arg('n'), node('clock', name=var('n'))])\n"
    )
    (tmp_path / "helper_of_lab.py").write_text(
        "from labmesh.launch.actions import node\n"
        "def clock(name, **keys):\n    return node('clock', name=name, **keys)\n"
    )
    plan = plan_of(
        tmp_path,
        """
        from helper_of_lab import clock
        def launch(context):
            count = context.arg("count", default=2)
            assert context["count"] == count
            yield_ = [clock(f"c{n}", param={"rate": n}) for n in range(count)]
            return [
                mqtt_broker(embedded=True),
                set_env("A", "1"),
                set_parameter("rate", 5),
                let("word", "hello"),
                yield_,
                group(include("part.yaml", {"n": "x"}), site="dtu"),
                include("part.launch.py", args={"n": "y"}),
                executable(["true"], name="job", after={"c0": "active"}, if_=count > 1),
                executable("true", name="never", unless=True),
                timer(2, log("later $(var word)")),
                on_process_exit("job", shutdown("done")),
                on_process_start("job", log("begun")),
                on_process_io("job", "a|b", log("said")),
                on_state_transition("c0", "active", transition("c1", "deactivate")),
                on_shutdown(log("bye")),
                None,
            ]
        """,
        count="3",
    )
    names = {process.id: process for process in plan.processes()}
    assert list(names) == ["lab/c0", "lab/c1", "lab/c2", "dtu/x", "lab/y", "lab/job"]
    assert [node.parameters["rate"] for node in plan.nodes()] == [0, 1, 2, 5, 5]
    assert all(process.env == {"A": "1"} for process in names.values())
    later = plan.steps[6]
    assert plan.as_dict()["steps"][6]["steps"][0]["message"] == "later hello", later
    assert not any(isinstance(step, LogStep) for step in plan.steps)
    # Made by a helper, a node stands where the launch file asks for it.
    assert names["lab/c1"].position.line == 7


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ('node("clock", paramx={})', "paramx", "node has no key 'paramx'; did you mean 'param'?"),
        (
            'node("clock", param={"rate": 1,\n             "rat": 2})',
            '"rat"',
            "'clock' has no parameter 'rat'; did you mean 'rate'?",
        ),
        ('node("clock", param=dict(rate=-1))', "rate=-1", "greater than or equal to 0, not -1"),
        ('node("clok")', '"clok"', "no node is called 'clok'"),
        ('node("clock", after=["clock2"])', '"clock2"', "after names 'clock2'"),
        ('log("a $(vra x)")', '"a $(vra', "unknown substitution 'vra'; did you mean 'var'?"),
        ("1 / 0", "1 / 0", "ZeroDivisionError: division by zero"),
        ("nod('clock')", "nod", "NameError: name 'nod' is not defined"),
        ("'clock'", "return", "TypeError: 'clock' is no action"),
        ("node('clock', param={'rate': object()})", "object()", "object is no plain data"),
        ("exit(3)", "exit(3)", "SystemExit: 3"),
    ],
)
def test_mistakes_are_reported_where_they_stand(
    tmp_path: Path, line: str, place: str, what: str
) -> None:
    text = f"""def launch(context):
    return [mqtt_broker(embedded=True),
            {line}]
"""
    with pytest.raises(LaunchError) as caught:
        plan_of(tmp_path, text)
    (problem,) = caught.value.problems
    assert what in str(problem)
    source = (IMPORTS + text).splitlines()[problem.position.line - 1]
    if place != "return":  # raised by our own function, called with the whole list
        assert source[problem.position.column - 1 :].startswith(place), problem


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def launch(context:\n", ":2:11: not valid Python: '(' was never closed"),
        ("x = 1\n", ":1:1: not a launch file; define launch(context)"),
    ],
)
def test_what_is_no_launch_file(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(LaunchError) as caught:
        plan_of(tmp_path, text)
    assert what in str(caught.value)


def test_arguments_are_checked_as_in_yaml(tmp_path: Path) -> None:
    text = """
        def launch(context):
            count = context.arg("count", type="int")
            name = context.arg("name", choices=["a", "b"], default="a")
            return [log(f"{name}" * count)]
    """
    assert plan_of(tmp_path, text, count="2", name="b").as_dict()["steps"][0]["message"] == "bb"
    with pytest.raises(LaunchError) as caught:
        plan_of(tmp_path, text, name="c", other="1")
    required, *others = map(str, caught.value.problems)
    assert required.endswith(":4:13: argument 'count' is required and not given; give count:=value")
    assert others == [
        "command line: argument 'name' cannot be 'c'; known: a, b",
        f"command line: {tmp_path}/lab.launch.py has no argument 'other'; known: count, name",
    ]


def test_a_confined_launch_takes_none(tmp_path: Path) -> None:
    file = tmp_path / "lab.launch.py"
    file.write_text("raise SystemExit('was run')\n")
    with pytest.raises(LaunchError, match="takes no launch files in Python; write it in YAML"):
        load_plan(file, world=World(root=tmp_path))


def test_actions_belong_into_a_launch_file() -> None:
    with pytest.raises(RuntimeError, match="only while a launch file runs"):
        node("clock")
