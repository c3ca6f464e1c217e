from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from messages.cell import AssembledCell, CellAssemblyInput
from messages.cycling import CapacityOutput, CyclingChannelOutput
from messages.degradation import EndOfLife
from messages.envelope import validate
from messages.errors import BodyError
from messages.logistics import TransportInput
from messages.model import Model
from messages.simulation import RadialDistributionOutput


def capacity(charges: Any, discharges: Any) -> dict[str, Any]:
    return {
        "cell_info": {"sample": "cell-1"},
        "channel_list": [3],
        "charge_capacity": np.asarray(charges, dtype="<f8"),
        "discharge_capacity": np.asarray(discharges, dtype="<f8"),
    }


def trajectory(expected: Any, uncertainty: Any) -> dict[str, Any]:
    return {
        "end_of_life": {"value": 400.5, "uncertainty": 5.9, "unit": "1"},
        "capacity_trajectory": np.asarray(expected, dtype="<f8"),
        "capacity_trajectory_uncertainty": np.asarray(uncertainty, dtype="<f8"),
        "rating": {"success": True, "rating": 5},
        "cell_info": {},
    }


def distribution(pairs: int, radii: int, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "radius": np.zeros(radii),
        "pair_title": ["Li-O"] * pairs,
        "rdf": np.zeros(shape),
        "cell_volume": 1e-26,
        "cell_formula": "Li16",
    }


LOCATION = {"address": "KIT"}

GOOD = [
    (CapacityOutput, capacity([1, 2], [1, 2])),
    (CapacityOutput, capacity([1, 2], [1])),
    (EndOfLife, trajectory([1, 2], [0, 0])),
    (EndOfLife, trajectory([1, 2], [0, 0]) | {"interval_low": 5, "interval_high": 5.0}),
    (RadialDistributionOutput, distribution(2, 3, (2, 3))),
    (CyclingChannelOutput, {"success": True, "reservation_id": "r1"}),
    (CyclingChannelOutput, {"success": False}),
    (TransportInput, {"samples": ["vial-1"], "origin": LOCATION, "destination": LOCATION}),
]

BAD = [
    (CapacityOutput, capacity([1], [1, 2]), "1 charges do not go with 2 discharges"),
    (CapacityOutput, capacity([1, 2, 3], [1]), "3 charges do not go with 1 discharges"),
    (
        CapacityOutput,
        capacity([[1, 2]], [1, 2]),
        "charge_capacity and discharge_capacity have one dimension",
    ),
    (
        CapacityOutput,
        capacity([1], [1]) | {"cell_info": {}},
        "data.cell_info.sample: Field required",
    ),
    (EndOfLife, trajectory([1, 2], [0, 0]) | {"interval_low": 5}, "an interval has two ends"),
    (
        EndOfLife,
        trajectory([1, 2], [0, 0]) | {"interval_low": 5, "interval_high": 4},
        "the interval begins at 5, after its end at 4",
    ),
    (
        EndOfLife,
        trajectory([1, 2], [0, 0]) | {"trajectory_cycles": np.array([1.0])},
        "the trajectory has one cycle number a capacity",
    ),
    (
        EndOfLife,
        trajectory([1, 2], [0]),
        "the trajectory and its uncertainty have one and the same length",
    ),
    (
        EndOfLife,
        trajectory([[1]], [[1]]),
        "the trajectory and its uncertainty have one and the same length",
    ),
    (
        RadialDistributionOutput,
        distribution(2, 3, (3, 2)),
        "rdf has shape (3, 2), not (pairs, radii) = (2, 3)",
    ),
    (
        CyclingChannelOutput,
        {"success": True},
        "a successful reservation, and only such a one, has a reservation_id",
    ),
    (
        CyclingChannelOutput,
        {"success": False, "reservation_id": "r"},
        "a successful reservation, and only such a one, has a reservation_id",
    ),
    (
        TransportInput,
        {"samples": [], "origin": LOCATION, "destination": LOCATION},
        "data.samples: Tuple should have at least 1 item",
    ),
    (CellAssemblyInput, {"batch_size": 65}, "data.batch_size: Input should be less than or equal"),
    (
        AssembledCell,
        {"sealing_time": "2023-11-24T10:50:09"},
        "data.sealing_time: Input should have timezone info",
    ),
]


@pytest.mark.parametrize(("model", "body"), GOOD)
def test_what_is_taken(model: type[Model], body: dict[str, Any]) -> None:
    assert validate(model, body, where="data")


@pytest.mark.parametrize(("model", "body", "reason"), BAD)
def test_refusals_name_the_problem(model: type[Model], body: dict[str, Any], reason: str) -> None:
    with pytest.raises(BodyError) as caught:
        validate(model, body, where="data")
    assert reason in str(caught.value)
