"""The campaign's settings, put into the ledger: from there alone it can be run again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import astuple
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from labmesh.reproducibility import REPRODUCIBILITY, Recipe, reproducible
from messages.campaign import METHOD, PROPOSAL, QUANTITY, CampaignPlan, Prior, PriorSource
from messages.errors import RefusedError
from messages.ledger import Provenance, Result
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._known import Knowledge
from nodes.optimiser._lab import CampaignLab, Reporter

_PACKAGES: Final = ("labmesh", "numpy", "scipy", "scikit-learn")
_HEAVY: Final = ("torch", "gpytorch", "botorch")
_LOOKS: Final = 40
_PAUSE: Final = 0.25
"""Looks, and wall seconds between two, for the ledger to have read what this node offers."""


def plan_of(plan: CampaignFile, seed: int, folder: Path, knowledge: Knowledge) -> CampaignPlan:
    """Return a campaign's settings as they are kept."""
    words = json.dumps([astuple(each) for each in knowledge.observations])
    packages = (*_PACKAGES, *(_HEAVY if plan.strategy.name == "botorch" else ()))
    return CampaignPlan(
        seed=seed,
        plan=plan.model_dump_json(exclude_defaults=True),
        folder=str(folder.resolve()),
        prior=Prior(
            observations=len(knowledge.observations),
            sha256=hashlib.sha256(words.encode()).hexdigest(),
            sources=tuple(
                PriorSource(
                    quantity=section.quantity,
                    method=section.method,
                    campaign=section.campaign,
                    until=until,
                )
                for section, until in zip(plan.consume.ledger, knowledge.until, strict=True)
            ),
        ),
        versions={name: found for name in packages if (found := _version(name))},
    )


async def record_plan(
    settings: CampaignPlan, name: str, author: str, lab: CampaignLab, reporter: Reporter
) -> None:
    """Post a campaign's settings; the same ones a second time add nothing.

    A ledger that will not have them is no reason not to measure: that is only warned about.
    """
    for _ in range(_LOOKS):
        if await lab.offered(QUANTITY, METHOD) and await lab.offered(QUANTITY, PROPOSAL):
            break
        await asyncio.sleep(_PAUSE)
    data = settings.model_dump(mode="json")
    result = Result(
        quantity=QUANTITY,
        method=METHOD,
        parameters={},
        outcome="resolved",
        data=data,
        provenance=Provenance(software=f"labmesh {settings.versions.get('labmesh', '')}".rstrip()),
        campaign=name,
    )
    recipe = Recipe(
        model=f"campaign {name}",
        initial_parameters={"plan_sha256": hashlib.sha256(settings.plan.encode()).hexdigest()},
        seeds=(settings.seed,),
        training_sha256=settings.prior.sha256,
        training_data="values known before the first measurement; the plan names their sources",
    )
    result = reproducible(
        result, __name__, recipe, *(n for n in settings.versions if n != "labmesh")
    )
    # Another commit or machine is another plan: it may decide otherwise.
    made = result.provenance.notes[REPRODUCIBILITY]
    words = json.dumps([author, name, data, made], sort_keys=True)
    try:
        await lab.post(result, uuid5(NAMESPACE_URL, f"labmesh:campaign-plan:{words}"))
    except RefusedError as error:
        reporter.warn("the campaign's settings are not in the ledger", reason=str(error))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
