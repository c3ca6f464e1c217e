"""The harvester: reads raw files of cyclers into the ledger as they come to rest in folders."""

from nodes.cycler.harvester._node import HarvesterNode, HarvesterParameters

__all__ = ["HarvesterNode", "HarvesterParameters"]
