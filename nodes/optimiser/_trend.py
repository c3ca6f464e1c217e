"""Whether a conductivity campaign has found the published trend with the salt's concentration."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._chapter import Chapter
from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._problem import Direction
from nodes.optimiser._published_trend import DOI, SHARES, TEMPERATURES, Optimum, published_optimum
from nodes.optimiser._strategy import Strategy

_DRAWS = 64


def trend_chapter(
    plan: CampaignFile, strategy: Strategy, *, simulated: bool, literature: bool
) -> Chapter | None:
    """Return the comparison, at each w_EC of the published table that the space holds.

    The model's optimum is that of its posterior mean over the space's molalities; its uncertainty
    is the standard deviation of the optimum over joint draws. It agrees where it lies in the
    published 1 % region.

    Args:
        plan: The campaign file.
        strategy: Told everything.
        simulated: Whether results came from simulated instruments, whose surface may be the
            published one itself.
        literature: Whether published values were among what the model learned from.

    Returns:
        None of a campaign that is about something else, or without a model.
    """
    objective = plan.objective
    temperature = plan.fixed.get("temperature")
    if (
        plan.encoding != "lipf6_ec_emc"
        or len(plan.objectives) > 1
        or (objective.quantity, objective.unit) != ("conductivity", "S/m")
        or objective.direction is not Direction.MAXIMISE
        or not isinstance(temperature, int | float)
        or not TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
        or not isinstance(strategy, GaussianProcessStrategy)
        or strategy.best() is None
    ):
        return None
    space = plan.build_space()
    names = dict(zip(space.names, space.dimensions, strict=True))
    share, salt = names["w_ec"], names["molality"]
    molalities = np.linspace(salt.minimum, salt.maximum, 99)
    random = np.random.default_rng(0)
    lines, rows = [], []
    for w_ec in SHARES:
        if not share.minimum <= w_ec <= share.maximum:
            continue
        points = [space.point({"w_ec": w_ec, "molality": float(m)}) for m in molalities]
        there = strategy.model().at(points)
        found = Optimum.of(molalities, there.mean)
        jitter = 1e-10 * float(np.trace(there.covariance)) * np.eye(len(points))
        draws = random.multivariate_normal(
            there.mean, there.covariance + jitter, _DRAWS, method="eigh"
        )
        spread = float(molalities[draws.argmax(axis=1)].std())
        known = published_optimum(w_ec, float(temperature))
        agrees = known.low <= found.molality <= known.high
        rows.append(
            {
                "w_ec": w_ec,
                "model": {**asdict(found), "molality_uncertainty": spread},
                "published": asdict(known),
                "agrees": agrees,
            }
        )
        lines.append(
            f"w_EC {w_ec:g}: greatest conductivity at {found.molality:.2f} ± {spread:.2f} mol/kg "
            f"(within 1 %: {found.low:.2f} to {found.high:.2f}), published {known.molality:.2f} "
            f"({known.low:.2f} to {known.high:.2f}): {'agrees' if agrees else 'differs'}"
        )
    if not rows:
        return None
    agreeing = sum(bool(row["agrees"]) for row in rows)
    caveat = (
        "the simulated robot's surface is a fit to these very data: this tests the optimiser, "
        "not nature"
        if simulated
        else ""
    )
    if literature and not caveat:
        caveat = "the model had learned from published values before"
    head = f"trend with LiPF6 (Ding et al. 2001, doi:{DOI}): {agreeing} of {len(rows)} agree"
    return Chapter(
        "trend",
        (head + (f"; {caveat}" if caveat else ""), *(f"  {line}" for line in lines)),
        {"doi": DOI, "temperature": temperature, "at": rows, "agree": agreeing, "caveat": caveat},
    )
