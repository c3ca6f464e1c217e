"""The optimiser: campaigns that decide what to measure next.

A campaign file says what is wanted and where to search; a `Strategy` proposes; the ledger is the
only memory, so a campaign that is interrupted goes on where it stopped.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nodes.optimiser._campaign import Campaign, CampaignError, CampaignOutcome
    from nodes.optimiser._campaign_file import CampaignFile, load_campaign
    from nodes.optimiser._candidates import SpaceExhaustedError
    from nodes.optimiser._constraint import Constraint, LinearConstraint
    from nodes.optimiser._encoding import (
        Encoding,
        FormulationEncoding,
        PlainEncoding,
        make_encoding,
    )
    from nodes.optimiser._gaussian_process import GaussianProcessStrategy
    from nodes.optimiser._known import Knowledge, gather
    from nodes.optimiser._lab import CampaignLab, Ending, Reporter
    from nodes.optimiser._literature import LiteratureValue, literature_at
    from nodes.optimiser._measurement import Measurement, Reading
    from nodes.optimiser._node import OptimiserNode, OptimiserParameters
    from nodes.optimiser._plot import draw
    from nodes.optimiser._prior import LiteraturePoint, at_temperature
    from nodes.optimiser._problem import Direction, Fidelity, Objective, Problem
    from nodes.optimiser._published import PublishedRow, PublishedTable, read_published
    from nodes.optimiser._random import RandomStrategy
    from nodes.optimiser._report import Best, Report, make_report
    from nodes.optimiser._space import Dimension, Point, Space
    from nodes.optimiser._strategies import make_strategy
    from nodes.optimiser._strategy import Observation, Recommendation, Strategy, Suggestion
    from nodes.optimiser._surrogate import Posterior, Surrogate
    from nodes.optimiser._work import run_campaign

__all__ = [
    "Best",
    "Campaign",
    "CampaignError",
    "CampaignFile",
    "CampaignLab",
    "CampaignOutcome",
    "Constraint",
    "Dimension",
    "Direction",
    "Encoding",
    "Ending",
    "Fidelity",
    "FormulationEncoding",
    "GaussianProcessStrategy",
    "Knowledge",
    "LinearConstraint",
    "LiteraturePoint",
    "LiteratureValue",
    "Measurement",
    "Objective",
    "Observation",
    "OptimiserNode",
    "OptimiserParameters",
    "PlainEncoding",
    "Point",
    "Posterior",
    "Problem",
    "PublishedRow",
    "PublishedTable",
    "RandomStrategy",
    "Reading",
    "Recommendation",
    "Report",
    "Reporter",
    "Space",
    "SpaceExhaustedError",
    "Strategy",
    "Suggestion",
    "Surrogate",
    "at_temperature",
    "draw",
    "gather",
    "literature_at",
    "load_campaign",
    "make_encoding",
    "make_report",
    "make_strategy",
    "read_published",
    "run_campaign",
]

_HOMES: Final = {
    "_campaign": {"Campaign", "CampaignError", "CampaignOutcome"},
    "_campaign_file": {"CampaignFile", "load_campaign"},
    "_candidates": {"SpaceExhaustedError"},
    "_constraint": {"Constraint", "LinearConstraint"},
    "_encoding": {"Encoding", "FormulationEncoding", "PlainEncoding", "make_encoding"},
    "_gaussian_process": {"GaussianProcessStrategy"},
    "_known": {"Knowledge", "gather"},
    "_lab": {"CampaignLab", "Ending", "Reporter"},
    "_literature": {"LiteratureValue", "literature_at"},
    "_measurement": {"Measurement", "Reading"},
    "_node": {"OptimiserNode", "OptimiserParameters"},
    "_plot": {"draw"},
    "_prior": {"LiteraturePoint", "at_temperature"},
    "_published": {"PublishedRow", "PublishedTable", "read_published"},
    "_random": {"RandomStrategy"},
    "_report": {"Best", "Report", "make_report"},
    "_space": {"Dimension", "Point", "Space"},
    "_strategies": {"make_strategy"},
    "_problem": {"Direction", "Fidelity", "Objective", "Problem"},
    "_strategy": {"Observation", "Recommendation", "Strategy", "Suggestion"},
    "_surrogate": {"Posterior", "Surrogate"},
    "_work": {"run_campaign"},
}


def __getattr__(name: str) -> Any:
    """Import on first use: whoever wants the node's parameters alone need not load scikit-learn."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nodes.optimiser.{home}"), name)
    raise AttributeError(f"module 'nodes.optimiser' has no attribute {name!r}")
