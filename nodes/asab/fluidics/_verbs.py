"""What the pumps and valves of the rig can do: the verbs of the CETONI SDK that are used here.

The vendor's library (``qmixsdk``, closed, over CAN bus) and the simulated fluidics both have them.
Volumes are in mL and flows in mL/s, as the driver sets the units of the library once. Calls block
for milliseconds; what lasts longer is begun, and asked after with ``is_pumping``.
"""

from __future__ import annotations

from typing import Final, Protocol

from messages.errors import LabmeshError

ML: Final = 1e-6
"""m3 in a millilitre."""


class FluidicsError(LabmeshError):
    """The pumps or valves did not do, or would not do, what they were told."""


class Pump(Protocol):
    """One syringe pump (neMESYS), its piston between empty (level 0) and ``get_volume_max``."""

    def get_volume_max(self) -> float:
        """Return mL of the full syringe."""
        ...

    def get_flow_rate_max(self) -> float:
        """Return mL/s at the highest speed of the piston."""
        ...

    def get_fill_level(self) -> float:
        """Return mL in the syringe now."""
        ...

    def set_fill_level(self, level: float, flow: float) -> None:
        """Begin to aspirate or dispense with ``flow`` > 0 until ``level`` mL are in the syringe.

        Raises:
            FluidicsError: Outside of the syringe's volume, or of the pump's flow.
        """
        ...

    def generate_flow(self, flow: float) -> None:
        """Begin a constant flow until the end of the stroke: dispensing > 0, aspirating < 0."""
        ...

    def get_flow_is(self) -> float:
        """Return mL/s now; dispensing > 0."""
        ...

    def is_pumping(self) -> bool:
        """Tell whether the piston moves."""
        ...

    def is_in_fault_state(self) -> bool:
        """Tell whether the drive has stopped by itself: force limit, say."""
        ...

    def clear_fault(self) -> None:
        """Acknowledge the fault."""
        ...

    def stop_pumping(self) -> None:
        """Stop the piston at once."""
        ...


class Valve(Protocol):
    """One rotary valve (QmixV): its common port is connected to the port of its position."""

    def number_of_valve_positions(self) -> int:
        """Return how many positions it has."""
        ...

    def actual_valve_position(self) -> int:
        """Return the position, from 0."""
        ...

    def switch_valve_to_position(self, position: int) -> None:
        """Turn it.

        Raises:
            FluidicsError: There is no such position.
        """
        ...


class Bus(Protocol):
    """All the devices on one bus."""

    def open(self) -> None:
        """Open and start the bus, and enable the drives.

        Raises:
            FluidicsError: It cannot be.
        """
        ...

    def close(self) -> None:
        """Stop and close the bus."""
        ...

    def pump(self, index: int) -> Pump:
        """Return the pump of a device index, from 0 (``Pump.lookup_by_device_index``)."""
        ...

    def valve(self, index: int) -> Valve:
        """Return the valve of a device index, from 0 (``Valve.lookup_by_device_index``)."""
        ...

    def stop_all_pumps(self) -> None:
        """Stop every piston at once."""
        ...
