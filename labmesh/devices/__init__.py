"""Drivers of devices that several kinds of node have, and the errors of every driver.

Simulators of these devices are in `labmesh.devices.sim`.
"""

from __future__ import annotations

from labmesh.devices._chamber import ChamberState, ClimateChamber
from labmesh.devices._errors import DeviceError, HaltedError, LimitError
from labmesh.devices._glovebox import Atmosphere, Glovebox, GloveboxMap
from labmesh.devices._registers import Register
from labmesh.devices._relay import RelayBoard

__all__ = [
    "Atmosphere",
    "ChamberState",
    "ClimateChamber",
    "DeviceError",
    "Glovebox",
    "GloveboxMap",
    "HaltedError",
    "LimitError",
    "Register",
    "RelayBoard",
]
