"""Drivers of the assembly robot's devices."""

from __future__ import annotations

from nodes.autobass.devices._dispenser import Dispensed, Dispenser
from nodes.autobass.devices._lecp6 import Lecp6
from nodes.autobass.devices._linax import Linax
from nodes.autobass.devices._meca500 import Meca500
from nodes.autobass.devices._meca_limits import MECA500_R3, ArmLimits, WorkZone
from nodes.autobass.devices._meca_pose import Grip, Pose, RobotStatus
from nodes.autobass.devices._ml600 import ML600
from nodes.autobass.devices._rail import Rail
from nodes.autobass.devices._rline import RLine

__all__ = [
    "MECA500_R3",
    "ML600",
    "ArmLimits",
    "Dispensed",
    "Dispenser",
    "Grip",
    "Lecp6",
    "Linax",
    "Meca500",
    "Pose",
    "RLine",
    "Rail",
    "RobotStatus",
    "WorkZone",
]
