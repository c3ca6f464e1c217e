"""Why a campaign asked for what it asked for, as its optimiser has put it into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from messages.campaign import PROPOSAL, QUANTITY, CampaignProposal
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.query import ResultView

PROPOSAL_COLUMNS: Final = (
    "number", "point", "by", "why", "promises", "expects", "knew", "of", "status",
)  # fmt: skip


def proposals_of(results: Iterable[ResultView]) -> list[CampaignProposal]:
    """Return the decisions among the results of a campaign, by number and in their order."""
    found = []
    for result in results:
        if (result.quantity, result.method) != (QUANTITY, PROPOSAL):
            continue
        try:
            found.append(validate(CampaignProposal, result.data, where="proposal"))
        except LabmeshError:
            # Of another release: the requests and results are shown all the same.
            continue
    return sorted(found, key=lambda each: each.number)


def proposal_rows(
    proposals: Sequence[CampaignProposal], statuses: Mapping[UUID, str]
) -> list[tuple[str, ...]]:
    """Return the rows of a table with `PROPOSAL_COLUMNS`.

    Args:
        proposals: To show.
        statuses: Of requests; one that is not there was refused, or not submitted yet.
    """
    return [
        (
            str(each.number),
            ", ".join(f"{name} {value:.4g}" for name, value in each.point.items()),
            each.fidelity or "target",
            each.origin,
            "" if each.expected_improvement is None else f"{each.expected_improvement:.3g}",
            ", ".join(
                f"{mean:.4g} ± {deviation:.2g}"
                for mean, deviation in zip(each.mean, each.uncertainty, strict=False)
            ),
            f"{each.knew.observations} values, {each.knew.pending} pending",
            each.knew.sha256[:12],
            statuses.get(each.request, "not in the ledger"),
        )
        for each in proposals
    ]
