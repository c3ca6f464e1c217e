"""Safety limits of all channels while their programs run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nodes.cycler.virtual._bank import Proposal
    from nodes.cycler.virtual._engine import Engine
    from nodes.cycler.virtual._half_cells import Vector

_HIGH: Final = {
    "voltage_max": "V", "current_max": "A", "capacity_max": "A.h", "temperature_max": "K",
}  # fmt: skip
_LOW: Final = {"voltage_min": "V", "current_min": "A", "temperature_min": "K"}


class Limits:
    """One value a channel of each limit; without one, infinite."""

    def __init__(self, count: int) -> None:
        self.values = {name: np.full(count, np.inf) for name in _HIGH}
        self.values |= {name: np.full(count, -np.inf) for name in _LOW}
        self.values["delay"] = np.zeros(count)

    def set(self, channel: int, limits: Mapping[str, float]) -> None:
        """Give a channel its limits; names as in `Limits.values`, others stay without."""
        for name, array in self.values.items():
            array[channel] = limits.get(name, 0.0 if name == "delay" else self._without(name))

    def words(self, channel: int, engine: Engine) -> str:
        """Return which limit a channel is beyond."""
        now = {
            "voltage": float(engine.bank.voltage[channel]),
            "current": float(engine.current[channel]),
            "capacity": abs(float(engine.in_step[channel])),
            "temperature": float(engine.bank.temperature[channel]),
        }
        for name, unit in (_HIGH | _LOW).items():
            limit, value = float(self.values[name][channel]), now[name.split("_")[0]]
            if (value > limit) if name in _HIGH else (value < limit):
                what, side = name.split("_")[0], "above" if name in _HIGH else "below"
                return f"{what} {value:.6g} {unit} is {side} its limit of {limit:.6g} {unit}"
        return "a safety limit was exceeded"

    @staticmethod
    def _without(name: str) -> float:
        return np.inf if name in _HIGH else -np.inf


def exceeded(engine: Engine, which: Any, p: Proposal, time: Vector) -> NDArray[np.bool_]:
    """Return which channels have been beyond a limit for longer than their delay."""
    v = engine.limits.values
    bad: NDArray[np.bool_] = p.voltage > v["voltage_max"][which]
    # A cell as it comes from assembly is far below any such limit, and must be charged from there.
    bad |= (p.voltage < v["voltage_min"][which]) & (p.current < 0)
    bad |= p.current > v["current_max"][which]
    bad |= p.current < v["current_min"][which]
    bad |= np.abs(engine.in_step[which]) > v["capacity_max"][which]
    temperature = engine.bank.temperature[which]
    bad |= temperature > v["temperature_max"][which]
    bad |= temperature < v["temperature_min"][which]
    if not bad.any():
        engine.since_over[which] = 0.0
        return bad
    over = np.where(bad, engine.since_over[which] + time, 0.0)
    engine.since_over[which] = over
    tripped: NDArray[np.bool_] = bad & (over >= v["delay"][which])
    return tripped
