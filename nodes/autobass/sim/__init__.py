"""Simulators of the assembly robot's devices: nothing here is hardware."""

from __future__ import annotations

from nodes.autobass.sim._lecp6 import Lecp6Options, Lecp6Simulator
from nodes.autobass.sim._linax import LinaxOptions, LinaxSimulator
from nodes.autobass.sim._meca500 import Meca500Options, Meca500Simulator
from nodes.autobass.sim._ml600 import ML600Options, ML600Simulator
from nodes.autobass.sim._rline import RLineOptions, RLineSimulator

__all__ = [
    "Lecp6Options",
    "Lecp6Simulator",
    "LinaxOptions",
    "LinaxSimulator",
    "ML600Options",
    "ML600Simulator",
    "Meca500Options",
    "Meca500Simulator",
    "RLineOptions",
    "RLineSimulator",
]
