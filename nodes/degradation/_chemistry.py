"""Which chemistry a cell is of, and between which voltages its discharge curves are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messages.cell import BatteryChemistry, Electrode

LFP_GRAPHITE: Final = "LFP|graphite"
"""The chemistry of the published cells."""

_ACTIVE: Final = 0.5
"""Share of an electrode from which on a component counts as its active material."""

_NAMES: Final[Mapping[str, str]] = {
    "gelkbwjhtraynv": "LFP",
    "lifepo4": "LFP",
    "lfp": "LFP",
    "lithium iron phosphate": "LFP",
    "oktjsmmvpcpjkn": "graphite",
    "graphite": "graphite",
    "lithium nickel oxide": "LNO",
    "lini0.6mn0.2co0.2o2": "NMC622",
    "lini0.8mn0.1co0.1o2": "NMC811",
    "nmc811": "NMC811",
    "nmc622": "NMC622",
}
"""Chemicals by InChIKey (its first block) or name, in small letters."""

WINDOWS: Final[Mapping[str, tuple[float, float]]] = {
    "LFP": (2.0, 3.5),
    "LNO": (2.8, 4.3),
    "NMC622": (2.8, 4.3),
    "NMC811": (2.5, 4.3),
}
"""Voltages by cathode, V: those of the published LFP cells' discharge, else the usual limits."""


def material(electrode: Electrode | None) -> str:
    """Return the active material of an electrode by a short name; empty where none is said."""
    if electrode is None:
        return ""
    best = max(electrode.material.components, key=lambda component: component.fraction)
    if best.fraction < _ACTIVE:
        return ""
    for word in (best.chemical.inchikey.partition("-")[0], best.chemical.name):
        if word.lower() in _NAMES:
            return _NAMES[word.lower()]
    return best.chemical.name or best.chemical.key


def chemistry_of(battery: BatteryChemistry) -> str:
    """Return ``cathode|anode``; a question mark for what is not said."""
    cathode, anode = material(battery.cathode), material(battery.anode)
    return f"{cathode or '?'}|{anode or '?'}"


def window_of(chemistry: str) -> tuple[float, float] | None:
    """Return between which voltages curves are compared; None for all that both have."""
    return WINDOWS.get(chemistry.partition("|")[0])
