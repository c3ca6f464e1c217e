"""The strategies a campaign file may name."""

from __future__ import annotations

from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._random import RandomStrategy
from nodes.optimiser._strategy import Strategy


def make_strategy(plan: CampaignFile, seed: int) -> Strategy:
    """Return the strategy a campaign file names."""
    space, objective = plan.build_space(), plan.build_objective()
    constraints = plan.build_constraints()
    if plan.strategy.name == "random":
        return RandomStrategy(space, objective, constraints=constraints, seed=seed)
    return GaussianProcessStrategy(
        space, objective, constraints=constraints, seed=seed, start=plan.strategy.start
    )
