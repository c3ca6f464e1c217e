"""Pumps, valves and tubing: the verbs of the devices, what is simulated, and the planning."""

from nodes.asab.fluidics._liquid import AIR, Contents, Liquid, Plug, blend, merge, pure
from nodes.asab.fluidics._rig import Rig, Tube, load_rig
from nodes.asab.fluidics._simulated import SimulatedBus, SimulatedPump, SimulatedValve
from nodes.asab.fluidics._syringe import SIZES, Syringe, size_for
from nodes.asab.fluidics._verbs import ML, Bus, FluidicsError, Pump, Valve
from nodes.asab.fluidics._world import FILM, FluidicWorld

__all__ = [
    "AIR",
    "FILM",
    "ML",
    "SIZES",
    "Bus",
    "Contents",
    "FluidicWorld",
    "FluidicsError",
    "Liquid",
    "Plug",
    "Pump",
    "Rig",
    "SimulatedBus",
    "SimulatedPump",
    "SimulatedValve",
    "Syringe",
    "Tube",
    "Valve",
    "blend",
    "load_rig",
    "merge",
    "pure",
    "size_for",
]
