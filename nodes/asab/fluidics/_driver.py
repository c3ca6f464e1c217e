"""The driver of pumps, valves and gas: one hand, limits checked first, stopped at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from labmesh.clock import Clock
from messages.errors import EmergencyStopError
from nodes.asab.fluidics._rig import Rig
from nodes.asab.fluidics._verbs import ML, Bus, FluidicsError

_POLL: Final = 0.5
"""Seconds of the experiment between two looks at a pump that should be done."""
_SLICE: Final = 5.0
"""Seconds of the experiment after which a long wait looks whether the order still stands."""
_LATE: Final = 10.0
"""Seconds over its time after which a pump that still moves is stopped."""
_TURN: Final = 1.0
"""Seconds that a rotary valve takes at most; assumed."""
_SLACK: Final = 1e-9


class Gas(Protocol):
    """Lets the gas in."""

    async def set(self, on: bool) -> None:
        """Open or close."""
        ...

    async def halt(self) -> None:
        """Close at once, past every queue."""
        ...


class Fluidics:
    """Moves liquid. All volumes in m3, flows in m3/s.

    Args:
        bus: The devices; None is the dry run: everything is checked, nothing is sent, time passes
            as it would.
        gas: The gas valve, or None where there is none.
        rig: On paper.
        clock: Of the experiment.
    """

    def __init__(self, bus: Bus | None, gas: Gas | None, rig: Rig, clock: Clock) -> None:
        self._bus = bus
        self._gas = gas
        self._rig = rig
        self._clock = clock
        self._halted = False
        self._promised = {pump.name: 0.0 for pump in rig.pumps}

    def open(self) -> None:
        """Open the bus; errors as `Bus.open`."""
        if self._bus is not None:
            self._bus.open()

    def close(self) -> None:
        """Close the bus, with everything at rest."""
        if self._bus is not None:
            self._bus.stop_all_pumps()
            self._bus.close()

    async def halt(self) -> None:
        """Stop every pump now and shut the gas; nothing moves until `reset`."""
        self._halted = True
        if self._bus is not None:
            self._bus.stop_all_pumps()
        if self._gas is not None:
            await self._gas.halt()

    def reset(self) -> None:
        """Allow movements again, after a person has acknowledged the stop; clear faults."""
        self._halted = False
        if self._bus is not None:
            for place in self._rig.pumps:
                self._bus.pump(place.index).clear_fault()

    def level(self, pump: str) -> float:
        """Return m3 in a syringe, air as well."""
        if self._bus is None:
            return self._promised[pump]
        return self._bus.pump(self._rig.pump(pump).index).get_fill_level() * ML

    async def turn(self, positions: Mapping[str, int]) -> None:
        """Turn valves, and look whether they went.

        Raises:
            FluidicsError: There is no such valve or position, one stuck.
            EmergencyStopError: The rig is halted.
        """
        places = {valve.name: valve for valve in self._rig.valves}
        for name, position in positions.items():
            place = places.get(name)
            if place is None or not 0 <= position < place.positions:
                raise FluidicsError(f"there is no position {position}", where=name)
        self._check()
        if self._bus is None:
            return
        turned = False
        for name, position in positions.items():
            valve = self._bus.valve(places[name].index)
            if valve.actual_valve_position() != position:
                valve.switch_valve_to_position(position)
                turned = True
        if turned:
            await self._clock.sleep(_TURN)
        self._check()
        for name, position in positions.items():
            found = self._bus.valve(places[name].index).actual_valve_position()
            if found != position:
                raise FluidicsError(
                    f"stands at {found} instead of {position}", where=name,
                    remedy="look at the valve and its drive",
                )  # fmt: skip

    async def move(
        self,
        levels: Mapping[str, tuple[float, float]],
        *,
        standing: Callable[[], None] = lambda: None,
    ) -> None:
        """Bring syringes to levels, all beginning at the same time; return when all are there.

        Args:
            levels: By pump, the level (m3) and the flow (m3/s) it is reached with.
            standing: Called now and then; what it raises stops the pumps.

        Raises:
            FluidicsError: A level or a flow is outside of a limit (nothing moves), a pump did not
                arrive (all are stopped).
            EmergencyStopError: The rig is halted.
        """
        for name, (level, flow) in levels.items():
            limits = self._rig.pump(name).limits
            if not -_SLACK * limits.volume <= level <= limits.volume * (1 + _SLACK):
                raise FluidicsError(
                    f"a level of {level / ML:.4g} mL is not within 0 to "
                    f"{limits.volume / ML:g} mL", where=name,
                )  # fmt: skip
            if not limits.least_flow * (1 - _SLACK) <= flow <= limits.greatest_flow * (1 + _SLACK):
                raise FluidicsError(
                    f"a flow of {flow / ML:.4g} mL/s is not within {limits.least_flow / ML:.4g} to "
                    f"{limits.greatest_flow / ML:.4g} mL/s", where=name,
                )  # fmt: skip
        self._check()
        seconds = max(
            (abs(self.level(name) - level) / flow for name, (level, flow) in levels.items()),
            default=0.0,
        )
        with self._stopping():
            if self._bus is not None:
                for name, (level, flow) in levels.items():
                    pump = self._bus.pump(self._rig.pump(name).index)
                    pump.set_fill_level(max(level, 0.0) / ML, flow / ML)
            await self._wait(seconds, standing)
            await self._arrived(list(levels), standing)
        self._promised |= {name: level for name, (level, _) in levels.items()}

    async def blow(
        self, pulses: int, on: float, off: float, *, standing: Callable[[], None] = lambda: None
    ) -> None:
        """Let gas in ``pulses`` times for ``on`` seconds, with ``off`` seconds after each."""
        for _ in range(pulses if self._gas is not None else 0):
            self._check()
            with self._stopping():
                await self._let(on=True)
                try:
                    await self._wait(on, standing)
                finally:
                    await self._let(on=False)
                await self._wait(off, standing)

    async def wait(self, seconds: float, *, standing: Callable[[], None] = lambda: None) -> None:
        """Let time of the experiment pass."""
        await self._wait(seconds, standing)

    async def _let(self, *, on: bool) -> None:
        if self._bus is not None and self._gas is not None:
            await self._gas.set(on)

    async def _wait(self, seconds: float, standing: Callable[[], None]) -> None:
        while seconds > 0:
            await self._clock.sleep(min(seconds, _SLICE))
            seconds -= _SLICE
            self._check()
            standing()

    async def _arrived(self, names: list[str], standing: Callable[[], None]) -> None:
        late = 0.0
        while self._bus is not None:
            pumps = {name: self._bus.pump(self._rig.pump(name).index) for name in names}
            faulty = [name for name, pump in pumps.items() if pump.is_in_fault_state()]
            if faulty:
                raise FluidicsError(
                    "the drive has stopped by itself", where=", ".join(faulty),
                    remedy="look for a closed line or a blocked piston, then reset the instrument",
                )  # fmt: skip
            if not any(pump.is_pumping() for pump in pumps.values()):
                return
            if late > _LATE:
                raise FluidicsError("does not arrive", where=", ".join(names))
            await self._wait(_POLL, standing)
            late += _POLL

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Stop the pumps when the block is left by an error or a cancellation."""
        try:
            yield
        except BaseException:
            if self._bus is not None:
                self._bus.stop_all_pumps()
            raise

    def _check(self) -> None:
        if self._halted:
            raise EmergencyStopError(
                "stopped by an emergency stop", where="fluidics",
                remedy="look at the rig, then reset the instrument",
            )  # fmt: skip
