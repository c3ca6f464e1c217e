"""Simulators of the devices of `labmesh.devices`: nothing here is hardware."""

from __future__ import annotations

from labmesh.devices.sim._bank import Table, modbus_unit
from labmesh.devices.sim._chamber import ChamberOptions, ChamberSimulator
from labmesh.devices.sim._glovebox import GloveboxOptions, GloveboxSimulator
from labmesh.devices.sim._relay import RelayOptions, RelaySimulator

__all__ = [
    "ChamberOptions",
    "ChamberSimulator",
    "GloveboxOptions",
    "GloveboxSimulator",
    "RelayOptions",
    "RelaySimulator",
    "Table",
    "modbus_unit",
]
