"""Stock solutions as samples of the ledger: what every mixture has as its parents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID, uuid5

from labmesh import RefusedError
from labmesh.client import LabClient
from messages.chemistry import Formulation
from messages.electrolyte import ComponentMass, StockSolutionInput, StockSolutionOutput
from messages.errors import CallError
from messages.ids import NodeId
from messages.ledger import Provenance, Result, SampleStep
from messages.quantity import Quantity
from nodes.asab._stocks import CHEMICALS, SYMBOLS, Stock

STOCK_SOLUTION: Final = ("stock_solution", "weighing")
"""The capability whose results tell of stock solutions."""

KIND: Final = "stock_solution"

_NAMESPACE: Final = UUID("6f0a2c1e-5f0b-5d0e-9d53-8a3d3f6f3b11")
_LONGEST: Final = 80


def sample_of(stock: Stock) -> str:
    """Return the id of a stock solution's sample: the same on every node that has its bottle."""
    text = "-".join(filter(None, ("stock", stock.name, stock.batch)))
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:_LONGEST]


def parents_of(stocks: Iterable[Stock]) -> tuple[str, ...]:
    """Return the samples of the stocks that a mixture was made of."""
    return tuple(sample_of(stock) for stock in stocks)


def result_of(stock: Stock) -> Result:
    """Return the result nobody asked for that gives birth to a stock solution's sample.

    It holds nothing that changes from one start to the next, so that saying it again is the same
    message.
    """
    masses = dict(zip(CHEMICALS, stock.mass.tolist(), strict=True))
    formulation = Formulation.of({c: m for c, m in masses.items() if m > 0}, "mass")
    told = StockSolutionInput(
        name=stock.name,
        batch=stock.batch,
        manufacturer=stock.manufacturer,
        label=stock.label,
        masses=tuple(
            ComponentMass(chemical=c, mass=Quantity.of(m, "kg", stock.mass_uncertainty))
            for c, m in masses.items()
            if m > 0
        ),
    )
    known = StockSolutionOutput(
        sample=sample_of(stock),
        formulation=formulation,
        density=Quantity.of(stock.density, "kg/m3", stock.density_uncertainty),
        density_temperature=Quantity.of(stock.density_temperature, "K"),
    )
    birth = SampleStep(
        sample=sample_of(stock),
        kind=KIND,
        state=0,
        label="weighed",
        properties={
            "name": stock.name,
            "batch": stock.batch,
            "manufacturer": stock.manufacturer,
            "label": stock.label,
            "density": stock.density,
            "density_uncertainty": stock.density_uncertainty,
            "density_temperature": stock.density_temperature,
            "masses": dict(zip(SYMBOLS, stock.mass.tolist(), strict=True)),
            "mass_uncertainty": stock.mass_uncertainty,
            "fingerprint": stock.fingerprint,
        },
    )
    quantity, method = STOCK_SOLUTION
    return Result(
        quantity=quantity,
        method=method,
        parameters=told.model_dump(),
        outcome="resolved",
        data=known.model_dump(),
        # No version: told again by a later release it is the same message.
        provenance=Provenance(
            software="labmesh asab", notes={"origin": "weighed by hand, told by the list of stocks"}
        ),
        samples=(birth,),
    )


async def register(lab: LabClient, node: NodeId, stocks: Sequence[Stock]) -> list[str]:
    """Make sure that the ledger knows these stock solutions; return what is wrong, in words.

    Each is told under an id that follows from the node and the solution: again after a restart it
    gets the receipt of the first time, and to a ledger that was made anew it is told anew. Where
    another node has told of the same bottle the ledger refuses the second birth, and that is well,
    as long as the composition is the same. Waits as long as there is no ledger.
    """
    troubles = []
    for stock in stocks:
        sample = sample_of(stock)
        identity = uuid5(_NAMESPACE, f"{node} {sample} {stock.fingerprint}")
        try:
            await lab.post_result(result_of(stock), id=identity)
        except RefusedError as refusal:
            found = await _fingerprint(lab, sample)
            if found is None:
                troubles.append(f"{sample} is not in the ledger: {refusal.what}")
            elif found != stock.fingerprint:
                troubles.append(f"{sample} has another composition in the ledger")
    return troubles


async def _fingerprint(lab: LabClient, sample: str) -> str | None:
    try:
        found = await lab.query("query.sample", {"id": sample})
    except CallError:
        return None
    states = found.get("states") or [{}]
    fingerprint = states[0].get("properties", {}).get("fingerprint")
    return None if fingerprint is None else str(fingerprint)
