"""Protocols and engines for tests of the virtual cycler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from messages.protocol import CyclingProtocol
from nodes.cycler._program import compiled
from nodes.cycler.virtual import COLUMNS, Cell, Engine

AT = {name: place for place, name in enumerate(COLUMNS)}

CCCV = (
    {"step": "constant_current", "rate_C": 1.0, "until_voltage_V": 4.2},
    {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.1},
    {"step": "constant_current", "rate_C": -1.0, "until_voltage_V": 3.0},
)


def protocol(*steps: dict[str, Any], record: float = 60.0, **rest: Any) -> CyclingProtocol:
    return CyclingProtocol.model_validate(
        {"record": {"time_s": record}, "sample": {"capacity_mAh": 7.7}, "method": steps} | rest
    )


def cycles(count: int, *, record: float = 60.0) -> CyclingProtocol:
    loop = {"step": "loop", "loop_to": "a", "cycle_count": count}
    return protocol({"step": "tag", "tag": "a"}, *CCCV, loop, record=record)


def run(
    what: CyclingProtocol, cell: Cell | None = None, kelvin: float = 298.15, **limits: float
) -> NDArray[np.float64]:
    engine = Engine(1)
    engine.set_temperature(0, kelvin)
    engine.load(0, compiled(what), cell or Cell(), limits)
    return engine.run(np.array([1e9]))[0][0]
