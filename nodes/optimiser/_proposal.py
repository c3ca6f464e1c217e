"""Every decision of a campaign, put into the ledger before it is acted on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from labmesh.reproducibility import RESTS_ON_SIMULATED, Recipe, reproducible, versions
from messages.campaign import PROPOSAL, QUANTITY, CampaignProposal, Known
from messages.envelope import validate
from messages.errors import CallRefusedError, LabmeshError, RefusedError
from messages.ledger import Provenance, Result
from messages.model import JsonObject
from nodes.optimiser._campaign_file import StrategySection
from nodes.optimiser._lab import CampaignLab, Reporter
from nodes.optimiser._space import Point, Space
from nodes.optimiser._strategy import Observation, Suggestion

_PACKAGES: Final = ("numpy", "scipy", "scikit-learn")
_HEAVY: Final = ("torch", "gpytorch", "botorch")


def knew(
    observations: Sequence[Observation], pending: Sequence[Suggestion], excluded: Sequence[Point]
) -> Known:
    """Return what a proposal rests on, whatever the order in which it was learned."""
    words = json.dumps(
        [
            sorted(json.dumps(astuple(each)) for each in observations),
            sorted(json.dumps([each.point, each.fidelity]) for each in pending),
            sorted(json.dumps(point) for point in excluded),
        ]
    )
    return Known(
        observations=len(observations),
        pending=len(pending),
        excluded=len(excluded),
        sha256=hashlib.sha256(words.encode()).hexdigest(),
    )


def proposal_of(
    number: int,
    request: UUID,
    suggestion: Suggestion,
    origin: Literal["start", "model", "recommended"],
    space: Space,
    known: Known,
    model: JsonObject,
) -> CampaignProposal:
    """Return a decision as it is kept."""
    return CampaignProposal(
        number=number,
        request=request,
        point=dict(zip(space.names, suggestion.point, strict=True)),
        fidelity=suggestion.fidelity,
        origin=origin,
        expected_improvement=suggestion.expected_improvement,
        mean=suggestion.mean or (),
        uncertainty=suggestion.uncertainty or (),
        knew=known,
        model=model,
    )


def recipe_of(proposal: CampaignProposal, strategy: StrategySection, seed: int) -> Recipe:
    """Return what it takes to make the same decision again."""
    settings = strategy.model_dump(mode="json")
    return Recipe(
        model=f"strategy {strategy.name}",
        initial_parameters={"strategy": settings, "number": proposal.number},
        seeds=(seed,),
        training_sha256=proposal.knew.sha256,
        training_data="the campaign's prior (campaign/plan) and its results before this proposal",
    )


async def record_proposal(
    proposal: CampaignProposal,
    name: str,
    lab: CampaignLab,
    reporter: Reporter,
    *,
    recipe: Recipe,
    simulated: bool,
) -> None:
    """Post a decision; the same one a second time adds nothing.

    A ledger that will not have it is no reason not to measure: that is only warned about.

    Args:
        proposal: The decision.
        name: Of the campaign.
        lab: Has the ledger.
        reporter: Hears of trouble.
        recipe: See `recipe_of`.
        simulated: Whether anything that it learned from was simulated.
    """
    result = Result(
        quantity=QUANTITY,
        method=PROPOSAL,
        parameters={"number": proposal.number},
        outcome="resolved",
        data=proposal.model_dump(mode="json"),
        provenance=Provenance(
            software=software(), notes={RESTS_ON_SIMULATED: True} if simulated else {}
        ),
        campaign=name,
    )
    result = reproducible(result, __name__, recipe, *packages_of(recipe))
    identity = uuid5(NAMESPACE_URL, f"labmesh:proposal:{proposal.request}")
    try:
        await lab.post(result, identity)
    except RefusedError as error:
        # Where it had been refused before an interruption, what was known may read otherwise now:
        # the first record of the same decision stands.
        try:
            await lab.result(identity)
        except CallRefusedError:
            reporter.warn(f"proposal {proposal.number} is not in the ledger", reason=str(error))


def software() -> str:
    """Return what decides, and its version."""
    return f"labmesh {versions('labmesh').get('labmesh', '')}".rstrip()


def packages_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the packages whose numbers decide."""
    return (*_PACKAGES, *(_HEAVY if recipe.model == "strategy botorch" else ()))


async def recorded_proposals(name: str, lab: CampaignLab) -> Mapping[UUID, CampaignProposal]:
    """Return the decisions of a campaign that are on record, by the request each led to."""
    found: dict[UUID, CampaignProposal] = {}
    for view in await lab.results(campaign=name, quantity=QUANTITY, method=PROPOSAL):
        try:
            proposal = validate(CampaignProposal, view.data, where="proposal")
        except LabmeshError:
            # Of another release: what it cannot say is asked of the strategy again.
            continue
        found[proposal.request] = proposal
    return found
