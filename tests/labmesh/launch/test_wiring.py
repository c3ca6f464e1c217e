"""Nodes that stand for others' logical names, and nodes inside a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import LaunchError, NodeProcess, Plan, load_plan
from labmesh.launch._command import node_command
from labmesh.launch._components import all_parameters
from labmesh.launch._limits import Limits
from labmesh.launch._problem import Problems

NODES = '''
from typing import Any
from labmesh import Node, NodeParameters

class Parameters(NodeParameters):
    components: list[dict[str, Any]] = []

class Box(Node[Parameters]):
    """Runs nodes."""
    Parameters = Parameters
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wiring_nodes.py").write_text(NODES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def plan_of(actions: str, *, check: bool = True) -> Plan:
    Path("lab.yaml").write_text(
        f"labmesh_launch: 1\nsite: kit\nlaunch:\n  - mqtt_broker: embedded\n{actions}"
    )
    return load_plan("lab.yaml", check=check)


def test_nodes_inside_a_container() -> None:
    plan = plan_of(
        "  - node: {run: clock, name: other}\n"
        "  - node: {run: clock, name: one, in: box, after: [other, two], param: {rate: 2}}\n"
        "  - node: {run: asab, in: box, ledger: dtu/broker, autostart: false}\n"
        "  - node: {run: 'wiring_nodes:Box'}\n"
        "  - node: {run: clock, name: two, in: box, clock: other}\n"
        "  - executable: {name: work, cmd: sleep 1, after: two}\n"
    )
    assert [process.id for process in plan.processes()] == ["kit/other", "kit/box", "kit/work"]
    assert [node.name for node in plan.nodes()] == ["other", "box", "one", "asab", "two"]
    box = list(plan.processes())[1]
    assert isinstance(box, NodeProcess)
    assert [(d.process, d.state) for d in box.after] == [("kit/other", "active")]
    nothing: dict[str, Any] = {
        "remap": {},
        "ledger": None,
        "clock": None,
        "autostart": True,
        "param": {},
    }
    assert all_parameters(box) == {
        "components": [
            {**nothing, "run": "clock", "name": "one", "param": {"rate": 2}},
            {**nothing, "run": "asab", "name": "asab", "ledger": "dtu/broker", "autostart": False},
            {**nothing, "run": "clock", "name": "two", "clock": "kit/other"},
        ]
    }
    (work,) = (process for process in plan.processes() if process.name == "work")
    assert work.after[0].process == "kit/two"


def test_mistakes_inside_a_container_are_found() -> None:
    with pytest.raises(LaunchError, match=r"lab\.yaml:6:45: 'clock' has no parameter 'rat'"):
        plan_of(
            "  - node: {run: 'wiring_nodes:Box'}\n"
            "  - node: {run: clock, in: box, param: {    rat: 2}}\n"
        )


def test_what_stands_for_a_logical_name() -> None:
    plan = plan_of(
        "  - node: {run: 'm:N', name: one, remap: {bath: two, stirrer: dtu/stirrer}}\n", check=False
    )
    (node,) = plan.nodes()
    assert node.remap == {"bath": "kit/two", "stirrer": "dtu/stirrer"}
    command = node_command(
        node, mqtt="mqtt://h", realm="lab1", data_dir=Path("/d"), params_file=None
    )
    assert command[-4:] == ["--remap", "bath:=kit/two", "--remap", "stirrer:=dtu/stirrer"]


def test_limits_hold_inside_a_container() -> None:
    plan = plan_of(
        "  - node: {run: 'wiring_nodes:Box', name: box}\n"
        "  - node: {run: 'm:N', name: one, in: box}\n"
        "  - node: {run: container, param: {components: [{run: 'm:N', name: two}]}}\n",
        check=False,
    )
    problems = Problems()
    Limits(root=Path("/")).check(plan, problems)
    assert [str(problem).partition(";")[0] for problem in problems.found] == [
        "lab.yaml:5:17: program 'wiring_nodes:Box' is not allowed here",
        "lab.yaml:6:17: program 'm:N' is not allowed here",
        "lab.yaml:7:50: program 'm:N' is not allowed here",
    ]
