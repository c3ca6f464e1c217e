"""The AiiDA node: a low-fidelity conductivity model, run with AiiDA's provenance (extra ``aiida``).

Importing this imports neither AiiDA nor the model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from nodes.aiida._node import AiidaNode
from nodes.aiida._parameters import AiidaParameters

if TYPE_CHECKING:
    from nodes.aiida._composition import Composition, composition_of
    from nodes.aiida._model import ConductivityModel, Prediction, shipped_model

__all__ = [
    "AiidaNode",
    "AiidaParameters",
    "Composition",
    "ConductivityModel",
    "Prediction",
    "composition_of",
    "shipped_model",
]

_HOMES: Final = {
    "_composition": {"Composition", "composition_of"},
    "_model": {"ConductivityModel", "Prediction", "shipped_model"},
}


def __getattr__(name: str) -> Any:
    """Import on first use: whoever wants the node's parameters alone need not wait for more."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nodes.aiida.{home}"), name)
    raise AttributeError(f"module 'nodes.aiida' has no attribute {name!r}")
