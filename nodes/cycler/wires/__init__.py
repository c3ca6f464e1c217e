"""Cyclers of other vendors over their own wires: drivers and simulators of Arbin and Neware."""

from __future__ import annotations

from nodes.cycler.wires._arbin import ArbinCycler
from nodes.cycler.wires._arbin_client import ArbinChannel, ArbinClient
from nodes.cycler.wires._arbin_sim import ArbinSimulator
from nodes.cycler.wires._dry import DryCycler
from nodes.cycler.wires._neware import NewareCycler
from nodes.cycler.wires._neware_client import NewareChannel, NewareClient, NewareStatus
from nodes.cycler.wires._neware_sim import NewareSimulator
from nodes.cycler.wires._open import open_cycler
from nodes.cycler.wires._schedules import fingerprint

__all__ = [
    "ArbinChannel",
    "ArbinClient",
    "ArbinCycler",
    "ArbinSimulator",
    "DryCycler",
    "NewareChannel",
    "NewareClient",
    "NewareCycler",
    "NewareSimulator",
    "NewareStatus",
    "fingerprint",
    "open_cycler",
]
