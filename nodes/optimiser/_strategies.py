"""The strategies a campaign file may name."""

from __future__ import annotations

from importlib import import_module

from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._problem import Problem
from nodes.optimiser._random import RandomStrategy
from nodes.optimiser._sections import StrategySection
from nodes.optimiser._strategy import Strategy


def make_strategy(problem: Problem, section: StrategySection) -> Strategy:
    """Return the strategy that a campaign file's ``strategy`` names.

    Raises:
        ConfigurationError: It needs an extra that is not installed.
    """
    if section.name == "random":
        return RandomStrategy(problem)
    if section.name == "botorch":
        # torch takes seconds to import and is an extra: only who asks for it pays.
        heavy = import_module("nodes.optimiser._botorch")
        found: Strategy = heavy.BoTorchStrategy(
            problem, start=section.start, target_every=section.target_every
        )
        return found
    return GaussianProcessStrategy(problem, start=section.start, target_every=section.target_every)
