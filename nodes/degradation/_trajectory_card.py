"""The card of the trajectory model, whose parameters are calibrated once and for all cells."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from messages.model_card import ModelCard
from nodes.degradation._cards import name_of, trained_here
from nodes.degradation._fade import LIFE_MEDIAN, LIFE_SPREAD, NOISE, NOISE_SHAPE
from nodes.degradation._published import FOLDER, SOURCE
from nodes.degradation._trajectory import DRAWS, POPULATIONS, SEED

OF_THE_TRAJECTORY: Final = (
    "first cycle at which discharge capacity is below 80 % of that of the first cycle after "
    "formation, counted from the first cycle of the test, formation included"
)

FILES: Final = (
    "virtual_trajectories.npz",
    "severson2019_dq100_10.npz",
    "severson2019_features.csv",
)
"""What the discrepancy was calibrated on."""


@cache
def trajectory_card() -> ModelCard:
    """Return the card."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((FOLDER / name).read_bytes())
    parameters = {
        "life_median": LIFE_MEDIAN,
        "life_spread": LIFE_SPREAD,
        "noise": NOISE,
        "noise_shape": NOISE_SHAPE,
        "draws": float(DRAWS),
    }
    for name, discrepancy in POPULATIONS.items():
        parameters[f"drift {name}"] = discrepancy.drift
        parameters[f"spread {name}"] = discrepancy.spread
    recipe = {"parameters": parameters, "data": digest.hexdigest(), "seed": SEED}
    return ModelCard(
        name=name_of("trajectory", recipe),
        kind="Bayesian regression of capacity on the square root of time (SEI) and on time (linear "
        "loss), both losses not negative, noise learned; the way to the end stretched by a power",
        end_of_life=OF_THE_TRAJECTORY,
        cells=103,
        data_sha256=digest.hexdigest(),
        source=f"62 virtual NMC811|graphite cells (simulated); {SOURCE}, training set",
        initial_parameters=parameters,
        seeds=(SEED,),
        simulated=True,
        **trained_here(),
    )
