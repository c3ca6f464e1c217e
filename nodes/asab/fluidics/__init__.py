"""Pumps, valves and tubing: the verbs of the devices, their driver, a simulation, the planning."""

from nodes.asab.fluidics._driver import Fluidics, Gas
from nodes.asab.fluidics._liquid import AIR, Contents, Liquid, Plug, blend, merge, pure
from nodes.asab.fluidics._path import Way, find_way
from nodes.asab.fluidics._recipe import (
    MIXER,
    Portion,
    Recipe,
    Target,
    feed_of,
    plan_recipe,
    pump_of,
    waste_of,
    way_to,
)
from nodes.asab.fluidics._rig import Rig, Tube, load_rig
from nodes.asab.fluidics._simulated import SimulatedBus, SimulatedPump, SimulatedValve
from nodes.asab.fluidics._strokes import Dosing, Stroke, filling, plan_dosing
from nodes.asab.fluidics._syringe import SIZES, Syringe, size_for
from nodes.asab.fluidics._verbs import ML, Bus, FluidicsError, Pump, Valve
from nodes.asab.fluidics._world import FILM, FluidicWorld

__all__ = [
    "AIR",
    "FILM",
    "MIXER",
    "ML",
    "SIZES",
    "Bus",
    "Contents",
    "Dosing",
    "FluidicWorld",
    "Fluidics",
    "FluidicsError",
    "Gas",
    "Liquid",
    "Plug",
    "Portion",
    "Pump",
    "Recipe",
    "Rig",
    "SimulatedBus",
    "SimulatedPump",
    "SimulatedValve",
    "Stroke",
    "Syringe",
    "Target",
    "Tube",
    "Valve",
    "Way",
    "blend",
    "feed_of",
    "filling",
    "find_way",
    "load_rig",
    "merge",
    "plan_dosing",
    "plan_recipe",
    "pump_of",
    "pure",
    "size_for",
    "waste_of",
    "way_to",
]
