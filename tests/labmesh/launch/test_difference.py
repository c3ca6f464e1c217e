"""What tells two plans apart: doing it to the one gives the other, and nothing more is done."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.launch import Broker, Dependency, ExecutableProcess, NodeProcess, Plan, Respawn
from labmesh.launch._difference import Difference, difference, refuse
from labmesh.launch._plan import Process, Step, TimerStep, step_dict
from labmesh.launch._problem import Position, Problems

TAKES = {"asab": {"seed", "pump"}}
SUPERVISION = {"after", "respawn", "on_exit", "output"}


@st.composite
def positions(draw: st.DrawFn) -> Position:
    return Position("file", draw(st.integers(1, 99)), 1)


@st.composite
def processes(draw: st.DrawFn, name: str) -> NodeProcess | ExecutableProcess:
    common: dict[str, Any] = {
        "name": name,
        "site": "kit",
        "position": draw(positions()),
        "respawn": draw(st.sampled_from([None, Respawn(), Respawn(delay=3)])),
        "output": draw(st.sampled_from(["both", "log"])),
        "env": draw(st.sampled_from([{}, {"A": "1"}])),
        "after": tuple(
            Dependency(process=f"kit/{other}", state="started", position=draw(positions()))
            for other in draw(st.sets(st.sampled_from("abc"), max_size=2))
        ),
    }
    if draw(st.sampled_from([False, False, True])):
        return ExecutableProcess(
            command=(draw(st.sampled_from(["true", "false"])),), cwd="/", **common
        )
    pump = st.dictionaries(st.sampled_from(["rate", "limit"]), st.integers(0, 1), max_size=2)
    parameters = st.fixed_dictionaries({}, optional={"seed": st.integers(0, 2), "pump": pump})
    return NodeProcess(
        run=draw(st.sampled_from(["asab", "asab", "clock"])),
        run_position=draw(positions()),
        parameters=draw(parameters),
        **common,
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.permutations("abcd"))[: draw(st.sampled_from([4, 3, 1, 0]))]
    found = [draw(processes(name)) for name in names]
    later = draw(st.integers(0, len(found)))
    steps: tuple[Step, ...] = tuple(found[:later])
    if found[later:]:
        delay = float(draw(st.integers(1, 2)))
        timer = TimerStep(delay=delay, steps=tuple(found[later:]), position=draw(positions()))
        steps = (*steps, timer)
    return Plan(
        file=Path("/lab.yaml"), realm="lab1", site="kit", arguments=(), brokers=(), steps=steps
    )


@st.composite
def changed(draw: st.DrawFn) -> tuple[Plan, Plan]:
    """A plan, and the same after an afternoon's editing."""
    old = draw(plans())
    steps: list[Step] = []
    for process in old.processes():
        fresh = draw(processes(process.name))
        what = draw(st.sampled_from(["parameters", "same", "watched", "other", "gone"]))
        if what == "parameters" and isinstance(process, NodeProcess):
            parameters = fresh.parameters if isinstance(fresh, NodeProcess) else {}
            steps.append(dataclasses.replace(process, parameters=parameters))
        elif what == "watched":
            steps.append(dataclasses.replace(process, after=fresh.after, output=fresh.output))
        elif what != "gone":
            steps.append(fresh if what == "other" else process)
    return old, dataclasses.replace(old, steps=tuple(steps))


def running(plan: Plan) -> dict[str, dict[str, Any]]:
    return {process.id: step_dict(process) for process in plan.processes()}


def done(plan: Plan, todo: Difference) -> dict[str, dict[str, Any]]:
    """Return what runs after ``todo`` was done to what ``plan`` says."""
    now = {name: state for name, state in running(plan).items() if name not in todo.stop}
    for process in (*todo.start, *todo.restart):
        now[process.id] = step_dict(process)
    for node, changes in todo.set:
        new = step_dict(node)
        merged = dict(now[node.id]["parameters"])
        for name, value in changes.items():
            before = merged.get(name)
            merged[name] = {**before, **value} if isinstance(before, dict) else value
        watched = {name: new[name] for name in SUPERVISION}
        now[node.id] = {**now[node.id], "parameters": merged, **watched}
    for process in todo.adopt:
        new = step_dict(process)
        known = now.get(process.id, new)  # one that waits for its timer comes as it is
        now[process.id] = {**known, **{name: new[name] for name in SUPERVISION}}
    return now


@settings(max_examples=100)
@given(changed() | st.tuples(plans(), plans()))
def test_doing_it_gives_the_other_plan(both: tuple[Plan, Plan]) -> None:
    old, new = both
    todo = difference(old, new, TAKES)
    assert done(old, todo) == running(new)
    touched = [
        *todo.stop,
        *(process.id for process in (*todo.start, *todo.restart, *todo.adopt)),
        *(node.id for node, _ in todo.set),
    ]
    assert len(touched) == len(set(touched))
    at_top = {step.id for step in old.steps if isinstance(step, Process)}
    for name, state in running(new).items():
        same = running(old).get(name) == state
        assert (name not in touched) or not same or name not in at_top
    for node, changes in todo.set:
        assert node.run in TAKES
        assert changes


@settings(max_examples=20)
@given(plans())
def test_a_plan_does_not_differ_from_itself_moved_in_its_file(plan: Plan) -> None:
    moved = dataclasses.replace(
        plan,
        steps=tuple(dataclasses.replace(s, position=Position("other", 1, 1)) for s in plan.steps),
    )
    assert difference(plan, moved, TAKES).empty


def node(**more: Any) -> NodeProcess:
    at = Position("lab.yaml", 3, 5)
    return NodeProcess(**{"name": "asab", "site": "kit", "run": "asab", "run_position": at,
                          "position": at, **more})  # fmt: skip


def plan_of(*steps: Step, **more: Any) -> Plan:
    whole = {"realm": "lab1", "site": "kit", "arguments": (), "brokers": (), **more}
    return Plan(file=Path("/lab.yaml"), steps=steps, **whole)


def test_parameters_are_set_only_where_the_node_takes_them() -> None:
    old, new = plan_of(node(parameters={"a": 1})), plan_of(node(parameters={"a": 2, "b": 3}))
    assert difference(old, new, {"asab": {"a", "b"}}).set == (
        (node(parameters={"a": 2, "b": 3}), {"a": 2, "b": 3}),
    )
    assert [p.id for p in difference(old, new).restart] == ["kit/asab"]
    assert [p.id for p in difference(old, new, {"asab": {"a"}}).restart] == ["kit/asab"]
    # What is no longer given has its default again, which only a start brings about.
    assert [p.id for p in difference(new, old, {"asab": {"a", "b"}}).restart] == ["kit/asab"]


def refused(old: Plan, new: Plan) -> list[str]:
    problems = Problems()
    refuse(old, new, problems)
    return [str(problem) for problem in problems.found]


def test_what_cannot_change_while_a_launch_runs() -> None:
    embedded = Broker(position=Position("lab.yaml", 2, 5))
    old = plan_of(node(), brokers=(embedded,))
    assert refused(old, plan_of(node(name="other"), brokers=(embedded,))) == []
    url = Broker(url="mqtt://h", position=Position("lab.yaml", 7, 5))
    (said,) = refused(old, plan_of(node(), brokers=(url,)))
    assert said == (
        "lab.yaml:7:5: an MQTT broker cannot change while its launch runs; "
        "stop the launch and start it again"
    )
    (said,) = refused(old, plan_of(node(), realm="lab2", brokers=(embedded,)))
    assert said.startswith("/lab.yaml: the realm was lab1 and is lab2")
    (said,) = refused(old, plan_of(node(site="dtu"), brokers=(embedded,)))
    assert said.startswith("lab.yaml:3:5: site 'dtu' is new to the embedded MQTT broker")
