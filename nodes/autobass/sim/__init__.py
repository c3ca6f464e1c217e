"""Simulators of the assembly robot's devices."""

from nodes.autobass.sim._ml600 import ML600Options, ML600Simulator
from nodes.autobass.sim._rline import RLineOptions, RLineSimulator

__all__ = ["ML600Options", "ML600Simulator", "RLineOptions", "RLineSimulator"]
