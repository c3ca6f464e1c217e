from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aurora_unicycler import CyclingProtocol as UnicyclerProtocol

from labmesh import LabmeshError
from messages.cycling import CapacityInput
from messages.protocol import ConstantCurrent, ConstantVoltage, CyclingProtocol, Loop
from nodes.cycler import CellLimits, ChannelState, ChannelStatus
from nodes.cycler._library import SHIPPED, Library, from_unicycler, to_unicycler
from nodes.cycler._limits import beyond, checked
from tests.nodes.cycler.virtual import cycles, protocol

UNICYCLER: dict[str, Any] = {
    "unicycler": {"version": "0.4.6"},
    "sample": {"name": "cell", "capacity_mAh": 4.5},
    "record": {"time_s": 10, "voltage_V": 0.1},
    "safety": {"max_voltage_V": 4.5, "max_capacity_mAh": 10, "delay_s": 10},
    "method": [
        {"step": "open_circuit_voltage", "until_time_s": 300, "id": "rest"},
        {"step": "impedance_spectroscopy", "amplitude_V": 0.01, "start_frequency_Hz": 1e5,
         "end_frequency_Hz": 1.0},
        {"step": "tag", "tag": "a"},
        {"step": "constant_current", "rate_C": 0.05, "until_voltage_V": 4.2},
        {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.01},
        {"step": "constant_current", "rate_C": -0.05, "until_voltage_V": 2.5},
        {"step": "loop", "loop_to": "a", "cycle_count": 3},
    ],
}  # fmt: skip


def asked(**values: Any) -> CapacityInput:
    plain = {
        "cycling_protocol": "big_map_standard", "number_cycles": 2,
        "cell_info": {"sample": "cell-1"}, "location": {"address": "kit"},
    }  # fmt: skip
    return CapacityInput.model_validate(plain | values)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library([SHIPPED])


def test_a_unicycler_file_is_a_protocol_and_back() -> None:
    ours = CyclingProtocol.model_validate(UNICYCLER)
    theirs = to_unicycler(ours)
    assert theirs == UnicyclerProtocol.from_dict(dict(UNICYCLER))
    assert to_unicycler(from_unicycler(theirs)) == theirs


def test_what_unicycler_writes_for_c_over_20_is_a_number_here() -> None:
    theirs = UnicyclerProtocol.from_dict(
        {"record": {"time_s": 1}, "sample": {"capacity_mAh": 2},
         "method": [{"step": "constant_current", "rate_C": "C/20", "until_time_s": 60}]}
    )  # fmt: skip
    [step] = from_unicycler(theirs).method
    assert isinstance(step, ConstantCurrent)
    assert step.rate_C == 0.05


def test_the_big_map_standard(library: Library) -> None:
    plan = library.plan(asked(formation_cycles=3), capacity=7.7e-3, record=None)
    kinds = [step.step for step in plan.protocol.method]
    one = ["tag", "constant_current", "constant_voltage", "constant_current", "loop"]
    assert kinds == ["open_circuit_voltage", *one, *one]
    rest, forming, cycling = (plan.protocol.method[i] for i in (0, 2, 7))
    assert rest.until_time_s == 6 * 3600  # type: ignore[union-attr]
    assert isinstance(forming, ConstantCurrent)
    assert isinstance(cycling, ConstantCurrent)
    assert (forming.until_time_s, cycling.until_time_s) == (12 * 3600, 1.5 * 3600)
    assert (plan.formation, plan.cycles, plan.protocol.record.time_s) == (3, 5, 1)
    assert plan.protocol.sample.capacity_mAh == pytest.approx(7.7)
    assert len(to_unicycler(plan.protocol).to_neware_xml(sample_name="x")) > 1000


def test_a_request_fills_a_recipe_in(library: Library) -> None:
    wanted = asked(
        capacity=5e-3, current_max=4e-3, voltage_max=4.4, number_cycles=7, formation_cycles=1,
        cycling={"c_rate_charge": 0.3, "c_rate_discharge": 0.6, "voltage_max": 4.3,
                 "voltage_min": 2.8, "cutoff_current": 1e-4},
    )  # fmt: skip
    plan = library.plan(wanted, capacity=7.7e-3, record=30)
    charge, hold, discharge, loop = plan.protocol.method[7:11]
    assert isinstance(charge, ConstantCurrent)
    assert isinstance(hold, ConstantVoltage)
    assert isinstance(discharge, ConstantCurrent)
    assert isinstance(loop, Loop)
    assert (charge.rate_C, charge.until_voltage_V) == (0.3, 4.3)
    assert hold.voltage_V == 4.3
    assert hold.until_current_mA == pytest.approx(0.1)
    assert (discharge.rate_C, discharge.until_voltage_V, loop.cycle_count) == (-0.6, 2.8, 7)
    assert plan.protocol.sample.capacity_mAh == pytest.approx(5.0)
    assert plan.protocol.safety.max_current_mA == pytest.approx(4.0)
    assert plan.protocol.safety.min_current_mA == pytest.approx(-4.0)


def test_formation_alone_is_a_natural_request(library: Library) -> None:
    wanted = asked(cycling_protocol="formation", number_cycles=0, formation_cycles=3)
    plan = library.plan(wanted, capacity=7.7e-3, record=30)
    assert (plan.formation, plan.cycles) == (3, 3)
    assert plan.protocol.start_state is not None
    assert plan.protocol.start_state.label == "assembled"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cycling_protocol": "magic"}, "there is no protocol 'magic'.*big_map_standard"),
        ({"cycling_protocol": "formation", "number_cycles": 5}, "has no cycles after formation"),
        ({"cycling_protocol": "cycling_c2", "formation_cycles": 2}, "has no formation"),
        ({"cycling_protocol": "cycling_c2", "number_cycles": 0}, "no cycle is asked for"),
        ({"protocol": protocol({"step": "open_circuit_voltage", "until_time_s": 1},
                               {"step": "loop", "loop_to": "x", "cycle_count": 2})},
         "Tag 'x' is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_says_so(library: Library, values: Any, words: str) -> None:
    with pytest.raises(LabmeshError, match=f"(?s){words}"):
        library.plan(asked(**values), capacity=7.7e-3, record=30)


def test_a_lab_has_protocols_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(UNICYCLER))
    library = Library([SHIPPED, tmp_path])
    plan = library.plan(asked(cycling_protocol="mine"), capacity=7.7e-3, record=30)
    assert (plan.cycles, plan.protocol.record.time_s) == (3, 10)
    assert plan.protocol.sample.capacity_mAh == 4.5
    (tmp_path / "bad.yaml").write_text("description: x\nrecord: -1\n")
    with pytest.raises(LabmeshError, match=r"record: .*greater than 0") as caught:
        Library([tmp_path])
    assert caught.value.where.endswith("bad.yaml")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"voltage_max": 4.1}, "cut-off voltage of 4.2 V is above the limit of 4.1 V"),
        ({"voltage_min": 3.5}, "cut-off voltage of 3 V is below the limit of 3.5 V"),
        ({"current_max": 5e-3}, "current of 0.0077 A is above the limit of 0.005 A"),
        ({"current_min": -5e-3}, "current of -0.0077 A is below the limit of -0.005 A"),
        ({"temperature_max": 300.0}, "temperature of 320 K is above the limit of 300 K"),
    ],
)
def test_limits_are_checked_before_anything_runs(limits: Any, words: str) -> None:
    warm = cycles(1).model_copy(update={"temperature": 320.0})
    with pytest.raises(LabmeshError, match=words):
        checked(warm, CellLimits(**limits))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({"voltage": 4.4, "current": 1e-3}, "voltage 4.4 V is above its limit of 4.3 V"),
        ({"voltage": 1.9, "current": -1e-3}, "voltage 1.9 V is below its limit of 2.5 V"),
        ({"voltage": 1.9, "current": 1e-3}, ""),  # a new cell is charged from there
        ({"current": -0.2}, "current -0.2 A is below its limit of -0.1 A"),
        ({"temperature": 330.0}, "temperature 330 K is above its limit of 320 K"),
        ({}, ""),
    ],
)
def test_the_node_watches_what_a_cycler_tells(now: Any, words: str) -> None:
    limits = CellLimits(voltage_max=4.3, voltage_min=2.5, current_min=-0.1, temperature_max=320.0)
    assert beyond(limits, ChannelStatus(1, ChannelState.RUNNING, **now)) == words


def test_the_narrower_limit_counts() -> None:
    safe = cycles(1).model_copy(update={"safety": CyclingProtocol.model_validate(UNICYCLER).safety})
    narrowed, limits = checked(safe, CellLimits(voltage_max=4.3, capacity_max=0.02, delay=60.0))
    assert (limits.voltage_max, limits.delay) == (4.3, 10)
    assert limits.capacity_max == pytest.approx(0.01)
    assert narrowed.safety.max_voltage_V == 4.3
    assert to_unicycler(narrowed).safety.max_capacity_mAh == pytest.approx(10)
