"""The clock node: simulated time for the whole mesh."""

from nodes.clock._node import ClockNode, ClockParameters

__all__ = ["ClockNode", "ClockParameters"]
