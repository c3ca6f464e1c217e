"""The degradation node: the end of life of battery cells, predicted from their first cycles."""

from nodes.degradation._node import DegradationNode
from nodes.degradation._parameters import DegradationParameters

__all__ = ["DegradationNode", "DegradationParameters"]
