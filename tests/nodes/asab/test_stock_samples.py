from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from labmesh import RefusedError
from labmesh.client import LabClient
from messages.capabilities import CAPABILITIES
from messages.envelope import validate
from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.ledger import Result
from nodes.asab._stock_samples import STOCK_SOLUTION, register, result_of, sample_of
from nodes.asab._stocks import load_stocks

STOCKS = load_stocks()
HERE = NodeId("kit", "asab")


class Ledger:
    """As far as stock solutions are concerned."""

    def __init__(self) -> None:
        self.entries: dict[UUID, Result] = {}
        self.samples: dict[str, str] = {}

    async def post_result(self, result: Result, *, id: UUID) -> UUID:  # noqa: A002
        [step] = result.samples
        if id in self.entries:
            assert self.entries[id] == result
            return id
        if step.sample in self.samples:
            raise RefusedError(f"sample {step.sample!r} is in state 0")
        self.entries[id] = result
        self.samples[step.sample] = step.properties["fingerprint"]
        return id

    async def query(self, service: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["id"] not in self.samples:
            raise CallRefusedError("not found")
        return {"states": [{"properties": {"fingerprint": self.samples[arguments["id"]]}}]}


async def said(ledger: Ledger, node: NodeId, stocks: Any = STOCKS) -> list[str]:
    return await register(cast("LabClient", ledger), node, stocks)


def test_what_is_told_of_a_stock_fits_the_vocabulary() -> None:
    types = CAPABILITIES[STOCK_SOLUTION]
    for stock in STOCKS:
        result = result_of(stock)
        assert validate(types.input, result.parameters, where="parameters")
        assert validate(types.output, result.data, where="data")
        [step] = result.samples
        assert (step.kind, step.state, step.parents) == ("stock_solution", 0, ())
        assert step.properties["masses"]["EMC"] == stock.masses["EMC"]
        assert result == result_of(stock)
    assert sample_of(STOCKS[3]) == "stock-emc-MPGX-23-474_3"


async def test_a_stock_is_born_once_whoever_says_so_and_however_often() -> None:
    ledger = Ledger()
    for node in (HERE, HERE, NodeId("kit", "other")):
        assert await said(ledger, node) == []
    assert len(ledger.entries) == len(ledger.samples) == 4
    # a ledger that was made anew is told anew
    anew = Ledger()
    assert await said(anew, HERE) == []
    assert anew.entries == ledger.entries


async def test_another_solution_under_the_same_name_and_batch_is_told_of() -> None:
    ledger = Ledger()
    await said(ledger, HERE)
    other = STOCKS[0].model_copy(update={"density": 1300.0})
    [trouble] = await said(ledger, HERE, [other])
    assert trouble == "stock-lipf6_ec_emc-MPGX-23-474_1 has another composition in the ledger"
    ledger.samples.clear()
    ledger.samples["stock-lipf6_ec_emc-MPGX-23-474_1"] = other.fingerprint
    assert await said(ledger, NodeId("kit", "b"), [other]) == []
