"""Simulated ASAB: formulates electrolytes from stock solutions, measures their properties."""

from nodes.asab._node import AsabNode
from nodes.asab._parameters import AsabParameters
from nodes.asab._services import Plan, PlanInput, RefillInput, StockLevel, StockLevels

__all__ = [
    "AsabNode",
    "AsabParameters",
    "Plan",
    "PlanInput",
    "RefillInput",
    "StockLevel",
    "StockLevels",
]
