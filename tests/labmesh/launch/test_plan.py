"""A whole plan against its golden forms, and the scopes of variables, sites and MQTT brokers.

After a change that is meant: ``python -m tests.labmesh.launch.test_plan`` writes the golden files.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labmesh.launch import (
    LaunchError,
    LogStep,
    Plan,
    World,
    declared_arguments,
    load_plan,
    parse_arguments,
    show_arguments,
    show_plan,
)
from messages.errors import ConfigurationError

GOLDEN = Path(__file__).with_name("golden")
ROOT = Path(__file__).parents[3]


def golden_plan() -> Plan:
    world = World(
        now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), suffix="t0", environment={}, cwd=GOLDEN
    )
    return load_plan(GOLDEN / "everything.yaml", {"seed": "11"}, world=world, check=False)


def rendered() -> dict[str, str]:
    """Return the golden files' contents by name."""
    plan = golden_plan()
    texts = {
        "everything.json": json.dumps(plan.as_dict(), indent=2) + "\n",
        "everything.txt": show_plan(plan),
        "everything.args.txt": show_arguments(plan),
        "everything.dtu.txt": show_plan(plan.at_site("dtu")),
    }
    return {name: text.replace(str(GOLDEN), "GOLDEN") for name, text in texts.items()}


@pytest.mark.parametrize("name", sorted(rendered()))
def test_plan_is_golden(name: str) -> None:
    assert rendered()[name] == (GOLDEN / name).read_text()


def test_no_password_is_shown() -> None:
    assert not any("secret" in text for text in rendered().values())


def plan_of(folder: Path, actions: str, *, top: str = "", **arguments: str) -> Plan:
    file = folder / "main.yaml"
    file.write_text(f"labmesh_launch: 1\n{top}launch:\n{actions}")
    return load_plan(file, arguments, check=False)


def logged(plan: Plan) -> list[str]:
    return [step.message for step in plan.steps if isinstance(step, LogStep)]


def test_a_group_cannot_change_what_is_outside(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "  - let: {name: x, value: out}\n"
        "  - group: {actions: [{let: {name: x, value: in}}, {log: $(var x)}]}\n"
        "  - log: $(var x)\n",
    )
    assert logged(plan) == ["in", "out"]


def test_an_included_file_sees_its_arguments_only(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("labmesh_launch: 1\nlaunch: [log: $(var x)]\n")
    with pytest.raises(LaunchError, match=r"part\.yaml:2:15: undefined variable 'x'"):
        plan_of(tmp_path, "  - let: {name: x, value: 1}\n  - include: part.yaml\n")


def test_variables_of_an_included_file_stay_there(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(
        "labmesh_launch: 1\nlaunch: [let: {name: x, value: 1}, mqtt_broker: embedded]\n"
    )
    with pytest.raises(LaunchError, match=r"main\.yaml:4:10: undefined variable 'x'"):
        plan_of(tmp_path, "  - include: part.yaml\n  - log: $(var x)\n")


def test_an_included_mqtt_broker_serves_the_includer(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("labmesh_launch: 1\nlaunch: [mqtt_broker: embedded]\n")
    plan = plan_of(tmp_path, "  - include: part.yaml\n  - node: {run: clock}\n")
    assert plan.broker_of("lab") is plan.brokers[0]


def test_sites(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(
        "labmesh_launch: 1\nsite: own\nlaunch: [node: {run: clock}]\n"
    )
    (tmp_path / "siteless.yaml").write_text("labmesh_launch: 1\nlaunch: [node: {run: asab}]\n")
    plan = plan_of(
        tmp_path,
        "  - arg: {name: where, default: uu}\n"
        "  - node: {run: clock}\n"
        "  - node: {run: clock, site: fzj}\n"
        "  - include: part.yaml\n"
        "  - group: {site: dtu, actions: [{node: {run: clock}}, {include: siteless.yaml}]}\n",
        top="site: $(var where)\n",
    )
    assert [node.id for node in plan.nodes()] == [
        "uu/clock",
        "fzj/clock",
        "own/clock",
        "dtu/clock",
        "dtu/asab",
    ]
    assert plan.labels()["dtu/asab"] == "asab"
    assert plan.labels()["dtu/clock"] == "dtu/clock"


def test_after_means_the_same_site_first(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "  - node: {run: clock, site: a}\n"
        "  - node: {run: clock, site: b}\n"
        "  - node: {run: asab, site: b, after: clock}\n"
        "  - node: {run: other, site: c, after: {asab: started, a/clock: inactive}}\n",
    )
    *_, asab, other = plan.nodes()
    assert [(d.process, d.state) for d in asab.after] == [("b/clock", "active")]
    assert [(d.process, d.state) for d in other.after] == [
        ("b/asab", "started"),
        ("a/clock", "inactive"),
    ]


def test_an_empty_text_is_as_if_absent(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "  - node: {run: asab, clock: $(if false clock), after: ''}\n")
    (node,) = plan.nodes()
    assert (node.clock, node.after) == (None, ())


@pytest.mark.parametrize("site", [None, "kit"])
def test_shipped_launch_files_resolve(site: str | None) -> None:
    for file in sorted((ROOT / "launch").glob("*.launch.yaml")):
        if any(argument.required for argument in declared_arguments(file).arguments):
            continue  # no lab that starts from nothing
        plan = load_plan(file, {"sim_rate": "60"}, only_site=site, check=False)
        assert [node.name for node in plan.nodes()][:3] == ["clock", "broker", "asab"]
        assert {node.clock for node in list(plan.nodes())[1:]} in ({"kit/clock"}, {"hub/clock"})
        wall = load_plan(file, {"sim_rate": "0"}, check=False)
        assert [node.name for node in wall.nodes()][:2] == ["broker", "asab"]
        assert all(node.clock is None for node in wall.nodes())


@pytest.mark.parametrize("word", ["seed", "=3", ":=3"])
def test_words_that_are_no_arguments(word: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape("write it as name:=value")):
        parse_arguments([word])


def test_an_argument_given_twice() -> None:
    with pytest.raises(ConfigurationError, match="'seed' is given twice"):
        parse_arguments(["seed:=1", "seed:=2"])


if __name__ == "__main__":
    for file_name, text in rendered().items():
        (GOLDEN / file_name).write_text(text)
