from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.cycler._program import Jump, Kind, Program, Runner, Step, compiled
from nodes.cycler.virtual import Cell, Engine, assembled
from nodes.cycler.virtual._bank import Bank
from tests.nodes.cycler.virtual import AT, CCCV, cycles, protocol, run

ONE = protocol(*CCCV)


def test_events_fall_inside_a_record_interval() -> None:
    records = run(ONE)
    ends = [records[records[:, AT["step"]] == step][-1] for step in (1, 2, 3)]
    assert ends[0][AT["voltage"]] == pytest.approx(4.2, abs=2e-4)
    assert abs(ends[1][AT["current"]]) == pytest.approx(0.77e-3, rel=0.02)
    assert ends[2][AT["voltage"]] == pytest.approx(3.0, abs=2e-4)
    assert all(end[AT["step_time"]] % 60 > 1e-3 for end in ends)
    # between them records are where the interval puts them
    inner = records[records[:, AT["step"]] == 3][1:-1, AT["step_time"]]
    assert inner == pytest.approx(60 * np.arange(1, len(inner) + 1))
    assert (np.diff(records[:, AT["test_time"]]) > 0).all()


def test_a_finer_record_gives_the_same_capacity() -> None:
    coarse, fine = run(cycles(1, record=60)), run(cycles(1, record=10))
    assert coarse[-1, AT["discharged"]] == pytest.approx(fine[-1, AT["discharged"]], rel=1e-3)
    assert coarse[-1, AT["test_time"]] == pytest.approx(fine[-1, AT["test_time"]], rel=1e-2)


def test_channels_do_not_hear_of_one_another() -> None:
    engine, limits = Engine(3), {"voltage_max": 4.3}
    cells = [assembled(name, 5) for name in "abc"]
    for channel, cell in enumerate(cells):
        engine.load(channel, compiled(cycles(1 + channel)), cell, limits)
    together, ended = engine.run(np.full(3, 1e9))
    assert {each.channel for each in ended} == {0, 1, 2}
    for channel, cell in enumerate(cells):
        alone = run(cycles(1 + channel), cell, voltage_max=4.3)
        assert together[channel] == pytest.approx(alone, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("held", [np.nan, 4.0])
def test_one_cell_alone_is_as_among_others(held: float) -> None:
    bank = Bank(3)
    for channel in range(3):
        bank.load(channel, assembled(f"c{channel}", 2, formation_loss=0.1))
        bank.set_temperature(channel, 280.0 + 10 * channel)
    current = np.array([4e-3, -3e-3, 0.0])
    time = np.array([30.0, 12.0, 60.0])
    together = bank.propose(slice(None), time, current, np.full(3, held))
    for channel in range(3):
        alone = bank.propose(channel, time[channel], current[channel], held)
        assert alone == pytest.approx([each[channel] for each in together], rel=1e-12)


@cache
def _whole() -> tuple[Any, dict[str, Any]]:
    engine = Engine(1)
    engine.load(0, compiled(ONE), assembled("x", 1), {})
    return engine.run(np.array([1e9]))[0][0], engine.state(0)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(min_value=1, max_value=9000), max_size=6), st.booleans())
def test_records_do_not_depend_on_how_time_is_cut(pieces: list[float], crash: bool) -> None:
    whole, state = _whole()
    program, engine = compiled(ONE), Engine(2)
    engine.load(1, program, assembled("x", 1), {})
    parts: list[Any] = []
    for until in [*np.cumsum(pieces), 1e9]:
        rows, _ = engine.run(np.array([-1.0, until]))
        parts += [rows[1]] if 1 in rows else []
        if crash:
            kept, engine = engine.state(1), Engine(2)
            engine.restore(1, program, {}, kept)
    assert np.array_equal(np.concatenate(parts), whole)
    assert repr(engine.state(1)) == repr(state)  # as text: a NaN is none other


def test_a_limit_trips_only_after_its_delay() -> None:
    charge = protocol({"step": "constant_current", "rate_C": 1, "until_voltage_V": 4.25}, record=10)
    engine = Engine(1)
    engine.load(0, compiled(charge), Cell(), {"voltage_max": 4.1, "delay": 35.0})
    rows, [ended] = engine.run(np.array([1e9]))
    assert "voltage" in ended.tripped
    assert "above its limit of 4.1 V" in ended.tripped
    over = rows[0][rows[0][:, AT["voltage"]] > 4.1]
    assert 30 <= np.ptp(over[:, AT["test_time"]]) <= 40
    assert engine.glance(0)["current"] == 0.0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"current_max": 5e-3}, "current"),
        ({"capacity_max": 1e-3}, "capacity"),
        ({"temperature_max": 290.0}, "temperature"),
    ],
)
def test_every_limit_trips(limits: dict[str, float], words: str) -> None:
    engine = Engine(1)
    engine.load(0, compiled(ONE), Cell(), limits)
    _, [ended] = engine.run(np.array([1e9]))
    assert ended.tripped.startswith(words)


def test_a_new_cell_below_the_least_voltage_may_be_charged() -> None:
    records = run(ONE, assembled("new", 0), voltage_min=2.5)
    assert records[0, AT["voltage"]] < 2.5
    assert records[-1, AT["voltage"]] == pytest.approx(3.0, abs=1e-3)


Tree = int | tuple[int, list["Tree"]]

trees = st.recursive(
    st.integers(1, 3),
    lambda inner: st.tuples(st.integers(1, 3), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(trees, min_size=1, max_size=3), st.integers(0, 40))
def test_loops_run_as_often_as_they_say(tree: list[Any], stop: int) -> None:
    lines: list[Step | Jump] = []

    def build(nodes: list[Any]) -> list[int]:
        found: list[int] = []
        for node in nodes:
            if isinstance(node, int):
                lines.append(Step(len(lines), Kind.REST, time=float(node)))
                found.append(len(lines) - 1)
            else:
                count, inner = node
                begin = len(lines)
                body = build(inner)
                lines.append(Jump(begin, count))
                found += body * count
        return found

    wanted = build(tree)
    runner, found = Runner(Program(tuple(lines), 30.0)), []
    while (step := runner.next()) is not None:
        found.append(step.number)
        if len(found) == stop:  # a crash between two steps
            runner = Runner.of(runner.program, runner.plain())
    assert found == wanted


def test_a_cycle_is_a_charge_and_the_discharge_after_it() -> None:
    records = run(cycles(3))
    for number in (1, 2, 3):
        steps = records[records[:, AT["cycle"]] == number][:, AT["step"]]
        assert list(dict.fromkeys(steps)) == [1, 2, 3]
