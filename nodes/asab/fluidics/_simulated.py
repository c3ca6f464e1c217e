"""Simulated pumps and valves with the SDK's verbs, over the simulated fluidics."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from labmesh.clock import Clock
from messages.model import JsonObject
from nodes.asab.fluidics._files import write_atomically
from nodes.asab.fluidics._rig import PumpPlace, Rig, ValvePlace
from nodes.asab.fluidics._verbs import ML, FluidicsError
from nodes.asab.fluidics._world import FluidicWorld

_SLACK: Final = 1e-9
"""Relative; rounding of doubles is no breach of a limit."""


D = TypeVar("D")


class SimulatedPump:
    """A simulated neMESYS pump; made by `SimulatedBus`."""

    def __init__(self, bus: SimulatedBus, place: PumpPlace) -> None:
        self._bus = bus
        self.place = place
        self.flow = 0.0
        """m3/s, dispensing > 0."""
        self.target = 0.0
        """m3 in the syringe at which it stops."""
        self.fault = False

    def get_volume_max(self) -> float:
        """Return mL."""
        return self.place.syringe / ML

    def get_flow_rate_max(self) -> float:
        """Return mL/s."""
        return self.place.limits.greatest_flow / ML

    def get_fill_level(self) -> float:
        """Return mL."""
        with self._bus.now():
            return self.level / ML

    def set_fill_level(self, level: float, flow: float) -> None:
        """Begin to move to ``level`` mL with ``flow`` mL/s, within the syringe's limits."""
        with self._bus.now(changed=True):
            full = self.place.syringe / ML
            if not -_SLACK * full <= level <= full * (1 + _SLACK):
                self._refuse(f"a level of {level:g} mL is not within its syringe of {full:g} mL")
            target = min(max(level, 0.0), full) * ML
            self._begin(flow * ML if target < self.level else -flow * ML, target)

    def generate_flow(self, flow: float) -> None:
        """Begin a flow of ``flow`` mL/s until the end of the stroke."""
        with self._bus.now(changed=True):
            self._begin(flow * ML, 0.0 if flow > 0 else self.place.syringe)

    def get_flow_is(self) -> float:
        """Return mL/s."""
        with self._bus.now():
            return self.flow / ML

    def is_pumping(self) -> bool:
        """Tell whether the piston moves."""
        with self._bus.now():
            return self.flow != 0.0

    def is_in_fault_state(self) -> bool:
        """Tell whether it stopped against a closed line."""
        with self._bus.now():
            return self.fault

    def clear_fault(self) -> None:
        """Acknowledge the fault."""
        self.fault = False

    def stop_pumping(self) -> None:
        """Stop at once."""
        with self._bus.now(changed=True):
            self.flow = 0.0

    @property
    def level(self) -> float:
        """m3 in the syringe, air as well."""
        return self._bus.world.syringes[self.place.name].volume

    def _begin(self, flow: float, target: float) -> None:
        limits, size = self.place.limits, abs(flow)
        if self.fault:
            self._refuse("the drive is in fault state")
        if not limits.least_flow * (1 - _SLACK) <= size <= limits.greatest_flow * (1 + _SLACK):
            self._refuse(
                f"a flow of {size / ML:.4g} mL/s is not within {limits.least_flow / ML:.4g} to "
                f"{limits.greatest_flow / ML:.4g} mL/s"
            )
        self.target = target
        self.flow = flow if abs(target - self.level) > _SLACK * self.place.syringe else 0.0

    def _refuse(self, why: str) -> None:
        raise FluidicsError(why, where=f"simulated {self.place.name}")


class SimulatedValve:
    """A simulated QmixV valve; made by `SimulatedBus`."""

    def __init__(self, bus: SimulatedBus, place: ValvePlace) -> None:
        self._bus = bus
        self.place = place
        self.position = 0

    def number_of_valve_positions(self) -> int:
        """Return how many positions it has."""
        return self.place.positions

    def actual_valve_position(self) -> int:
        """Return the position, from 0."""
        return self.position

    def switch_valve_to_position(self, position: int) -> None:
        """Turn it; at once."""
        if not 0 <= position < self.place.positions:
            raise FluidicsError(
                f"there is no position {position}", where=f"simulated {self.place.name}"
            )
        with self._bus.now(changed=True):
            self.position = position


class SimulatedBus:
    """Pumps and valves on the clock of the experiment, and a file that tells where liquids are.

    The file is the simulated world (`nodes.asab.world`): the simulated instruments read it, and a
    bus that is opened again, after a crash too, goes on from it. What moved when the process died
    has stopped, as the real drives do when their bus falls silent.

    Args:
        rig: On paper.
        clock: Of the experiment.
        path: The file.
        describe: Returns what else the file says, of the world's contents.
        bottles: m3 by vessel where there is no file yet; otherwise full.
    """

    def __init__(
        self,
        rig: Rig,
        clock: Clock,
        path: Path,
        *,
        describe: Callable[[FluidicWorld], JsonObject] = lambda _world: {},
        bottles: Mapping[str, float] | None = None,
    ) -> None:
        self.rig = rig
        self.world = FluidicWorld.new(rig, bottles)
        self._clock = clock
        self._path = path
        self._describe = describe
        self._pumps = {p.index: SimulatedPump(self, p) for p in rig.pumps}
        self._valves = {v.index: SimulatedValve(self, v) for v in rig.valves}
        self._gas = False
        self._frozen: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._time = clock.now()
        self._lock = threading.RLock()

    def open(self) -> None:
        """Go on from the file, where there is one."""
        self._loop = _running_loop()
        if self._path.exists():
            plain: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            self.world.load(plain["fluidics"])
            for valve in self._valves.values():
                valve.position = plain["valves"].get(valve.place.name, 0)
        self._time = self._clock.now()
        self._save()

    def close(self) -> None:
        """Stop everything, and save."""
        self.stop_all_pumps()

    def pump(self, index: int) -> SimulatedPump:
        """Return a pump by device index."""
        return _known(self._pumps, index, "pump")

    def valve(self, index: int) -> SimulatedValve:
        """Return a valve by device index."""
        return _known(self._valves, index, "valve")

    def stop_all_pumps(self) -> None:
        """Stop every piston at once."""
        with self.now(changed=True):
            for pump in self._pumps.values():
                pump.flow = 0.0

    def let_gas(self, open_: bool) -> None:
        """Let the gas in, or not: what the relay's coil does to the tubing."""
        with self.now(changed=True):
            self._gas = open_

    def place(self, vessel: str, volume: float = 0.0) -> None:
        """Do what a person does: put a bottle with ``volume`` m3, an empty vial or waste there."""
        with self.now(changed=True):
            self.world.vessels[vessel].volume = volume

    def now(self, *, changed: bool = False) -> _Now:
        """Return a block within which the world is as of now; save it after a change."""
        return _Now(self, changed=changed)

    def enter(self) -> None:
        """Let the time pass since the last look."""
        self._lock.acquire()
        now = max(self._instant(), self._time)
        left, self._time = (now - self._time) / 1e9, now
        while left > 0:
            moving = {p.place.name: p for p in self._pumps.values() if p.flow}
            if not moving and not self._gas:
                break
            flows = {name: pump.flow for name, pump in moving.items()}
            until = {n: (p.level - p.target) / p.flow for n, p in moving.items()}
            step = min([left, *until.values()])
            valves = {v.place.name: v.position for v in self._valves.values()}
            network = self.world.flows(valves, flows, self._gas)
            if stuck := [pump for name, pump in moving.items() if name in network.blocked]:
                for pump in stuck:
                    pump.flow, pump.fault = 0.0, True
                continue
            self.world.pass_time(step, network, flows)
            for name, pump in moving.items():
                if until[name] <= step * (1 + _SLACK):
                    pump.flow = 0.0
            left -= step

    def leave(self, *, save: bool) -> None:
        """End the look."""
        try:
            if save or any(pump.flow for pump in self._pumps.values()):
                self._save()
        finally:
            self._lock.release()

    def _instant(self) -> int:
        """Return the time, which stands still while one task goes on without waiting.

        A real bus starts several pumps within milliseconds. On a clock that runs a thousand times
        faster, what this process takes to say so would be seconds, and the mixture another one.
        """
        if self._frozen is not None:
            return self._frozen
        now = self._clock.now()
        loop = _running_loop()
        if loop is not None and loop is self._loop:  # an emergency stop has a thread of its own
            self._frozen = now
            loop.call_soon(self._thaw)
        return now

    def _thaw(self) -> None:
        self._frozen = None

    def _save(self) -> None:
        plain: JsonObject = {
            "simulated": True,
            "stamp": self._time,
            "valves": {v.place.name: v.position for v in self._valves.values()},
            "fluidics": self.world.dump(),
            **self._describe(self.world),
        }
        write_atomically(self._path, json.dumps(plain))


class _Now:
    def __init__(self, bus: SimulatedBus, *, changed: bool) -> None:
        self._bus = bus
        self._changed = changed

    def __enter__(self) -> None:
        self._bus.enter()

    def __exit__(self, *error: object) -> None:
        self._bus.leave(save=self._changed)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _known(devices: Mapping[int, D], index: int, what: str) -> D:
    if index not in devices:
        raise FluidicsError(
            f"there is no {what} of index {index}", where="simulated bus",
            remedy=f"one of {', '.join(map(str, sorted(devices)))}",
        )  # fmt: skip
    return devices[index]
