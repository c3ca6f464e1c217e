"""The ELN node: campaigns into electronic lab notebooks, and notebooks' entries into the ledger."""

from nodes.eln._node import ElnNode
from nodes.eln._parameters import ElnParameters

__all__ = ["ElnNode", "ElnParameters"]
