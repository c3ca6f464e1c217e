"""What the ledger is told of a mixture: its sample, and who the run was about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from messages.chemistry import FormulationInfo, RunInfo
from messages.ids import NodeId
from messages.ledger import SampleStep
from nodes.asab._mixing import Mixture, named
from nodes.asab._stock_samples import parents_of
from nodes.asab._stocks import Stock


def birth(
    sample: str,
    mixture: Mixture,
    stocks: Sequence[Stock],
    volumes: Mapping[str, float],
    *,
    label: str,
    location: str,
    simulated: bool,
) -> SampleStep:
    """Return the first state of a mixture, whose parents are the stock solutions in it.

    Args:
        sample: Its id.
        mixture: As planned.
        stocks: All that there are.
        volumes: m3 by stock that are in it.
        label: ``formulated`` in a vial, ``measured`` and gone.
        location: In words.
        simulated: Whether any of it is.
    """
    used = [stock for stock in stocks if volumes.get(stock.name, 0.0) > 0]
    return SampleStep(
        sample=sample,
        kind="electrolyte",
        state=0,
        label=label,
        parents=parents_of(used),
        location=location,
        properties={
            "simulated": simulated,
            "mole_fractions": named(mixture.achieved),
            "volume": sum(volumes.values()),
            "stocks": [
                {"name": stock.name, "batch": stock.batch, "volume": volumes[stock.name]}
                for stock in used
            ],
        },
    )


def run_info(node: NodeId, sample: str, mixture: Mixture, *, simulated: bool) -> RunInfo:
    """Return what the run was about: the achieved formulation."""
    word = "simulated " if simulated else ""
    return RunInfo(
        formulation=mixture.formulation,
        internal_reference=f"{word}{node} {sample}",
        formulation_info=FormulationInfo(
            name="mixed by a simulated ASAB" if simulated else "mixed by ASAB", sample=sample
        ),
    )
