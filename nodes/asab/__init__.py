"""Simulated ASAB: formulates electrolytes from stock solutions, measures their properties."""

from nodes.asab._node import AsabNode
from nodes.asab._parameters import AsabParameters
from nodes.asab._services import RefillInput, StockLevel, StockLevels

__all__ = ["AsabNode", "AsabParameters", "RefillInput", "StockLevel", "StockLevels"]
