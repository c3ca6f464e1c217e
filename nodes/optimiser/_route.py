"""By which capability, with which parameters, each fidelity of a campaign is asked."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._encoding import Encoding, make_encoding
from nodes.optimiser._measurement import Reading
from nodes.optimiser._output import Output


@dataclass(frozen=True, slots=True)
class Route:
    """One way to ask for the objectives.

    Attributes:
        fidelity: Its name; empty for the target.
        quantity: Of the capability.
        method: Of the capability.
        encoding: Between points and parameters.
        reading: Of its results.
    """

    fidelity: str
    quantity: str
    method: str
    encoding: Encoding
    reading: Reading


def routes_of(plan: CampaignFile) -> dict[str, Route]:
    """Return the ways of a campaign by fidelity, the target (empty name) first."""
    space, mixture = plan.build_space(), plan.build_mixture()
    objective = plan.objective
    encoding = make_encoding(plan.encoding, space, plan.fixed, mixture=mixture, at=plan.at)
    outputs = tuple(Output(o.output, o.unit, o.reduce) for o in plan.objectives)
    reading = Reading(encoding, outputs, plan.minimum_rating)
    found = {"": Route("", objective.quantity, objective.method, encoding, reading)}
    for section in plan.fidelities:
        fixed = plan.fixed if section.fixed is None else section.fixed
        other = make_encoding(plan.encoding, space, fixed, mixture=mixture, at=plan.at)
        found[section.name] = Route(
            section.name,
            section.quantity,
            section.method,
            other,
            Reading(
                other,
                (
                    Output(
                        section.output or objective.output,
                        objective.unit,
                        section.reduce or objective.reduce,
                    ),
                ),
                section.minimum_rating,
                section.name,
                section.relative_noise,
            ),
        )
    return found
