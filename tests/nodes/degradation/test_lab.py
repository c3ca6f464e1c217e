"""The degradation node on a real MQTT broker with a real ledger: predictions, cards, learning."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from labmesh import Node, NodeOptions, Order, OrderError, RequestFailedError, capability
from labmesh.client import LabClient, requester, visit
from labmesh.place import Place
from labmesh.reproducibility import (
    REPRODUCIBILITY,
    RESTS_ON_SIMULATED,
    Reproducibility,
    metadata_sha256,
)
from messages.cycling import CapacityInput, CapacityOutput
from messages.degradation import DegradationInput, DegradationModelOutput
from messages.ledger import ArtifactRef, Provenance, Result
from messages.model_card import TRAINING, TrainingOutput
from messages.node import State
from nodes.degradation import DegradationNode
from nodes.degradation._retrain import compared
from nodes.degradation._statistical import StatisticalModel
from nodes.degradation._table import cycles_of
from tests.nodes.degradation.cells import NMC_CELL, virtual_table
from tests.support import MqttBroker, Processes

EOL = ("degradation_eol", "degradation_model")


class Shelf(Node[Any]):
    """Offers cycling, so that results of it may be told; cycles nothing."""

    @capability("capacity", "cycling", simulated=True)
    async def capacity(self, order: Order[CapacityInput]) -> CapacityOutput:
        """Nothing."""
        raise OrderError("there is no cycler")


@dataclass
class Lab:
    client: LabClient
    node: DegradationNode
    shelf: Shelf

    async def told(self, cell: str, table: pl.DataFrame | None, capacity: Any = None) -> str:
        """Tell the ledger of a cycled cell; return the result's id."""
        artifacts: tuple[ArtifactRef, ...] = ()
        files: dict[str, Any] | None = None
        if table is not None:
            buffer = io.BytesIO()
            table.write_parquet(buffer)
            kept = await self.shelf.lab.attach(buffer.getvalue(), name=f"{cell}.parquet")
            artifacts, files = (
                (kept,),
                {"raw": (), "table": {"name": kept.name, "sha256": kept.sha256}},
            )
            capacity = cycles_of(table).discharge if capacity is None else capacity
        summary = dict.fromkeys(
            ("charge_capacity", "discharge_capacity", "charge_energy", "discharge_energy"),
            np.asarray(capacity, dtype="<f8"),
        ) | {"cycle": np.arange(1, len(capacity) + 1, dtype="<i8")}
        output = CapacityOutput.model_validate(
            {
                "cell_info": {"sample": cell}, "channel_list": (1,), "summary": summary,
                "charge_capacity": summary["charge_capacity"],
                "discharge_capacity": summary["discharge_capacity"], "files": files,
            }
        )  # fmt: skip
        result = Result(
            quantity="capacity", method="cycling", outcome="resolved", data=output.model_dump(),
            parameters={
                "cycling_protocol": "", "number_cycles": len(capacity), "formation_cycles": 2,
                "cell_info": {"sample": cell}, "location": {"address": "kit"},
            },
            provenance=Provenance(simulated=True, notes={"synthetic": ["made up for a test"]}),
            artifacts=artifacts,
        )  # fmt: skip
        return str(await self.shelf.lab.post_result(result))

    async def predict(self, **said: Any) -> Any:
        asked = DegradationInput.model_validate(
            {"battery_chemistry": NMC_CELL, "cell_info": {"sample": "cell-1"}, **said}
        )
        return await self.client.request(*EOL, asked, timeout=30)


async def active(node: Node[Any]) -> None:
    async with asyncio.timeout(20):
        while node.state is not State.ACTIVE:
            await asyncio.sleep(0.01)


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes) -> AsyncIterator[Lab]:
    place = Place(mqtt=mqtt_broker.url, site="kit")
    broker = await processes.labmesh(
        "run", "broker", "--site=kit", f"--mqtt={place.mqtt}", f"--data-dir={tmp_path}"
    )
    await broker.wait_line("ledger open")
    shelf = Shelf(NodeOptions(place=place, name="shelf", data_dir=tmp_path))
    node = DegradationNode(
        NodeOptions(
            place=place,
            name="degradation",
            data_dir=tmp_path,
            parameters={"least_cells": 6, "learn_interval": 3600.0},
        )
    )
    tasks = [asyncio.create_task(each.run()) for each in (shelf, node)]
    async with visit(place, "tester") as visitor, requester(visitor) as client:
        await active(shelf)
        await active(node)
        lab = Lab(client, node, shelf)
        async with asyncio.timeout(20):
            while len((await client.query("query.offers"))["offers"]) < 3:
                await asyncio.sleep(0.05)
        yield lab
        # It stops in order, and could go on.
        await visitor.caller.call(node.id, "life.change", {"transition": "deactivate"}, timeout=5)
        assert node.state is State.INACTIVE
    for each in (shelf, node):
        each.finish()
    assert await asyncio.gather(*tasks) == [0, 0]


async def test_a_cycled_cell_is_predicted_and_the_lab_learns(lab: Lab, tmp_path: Path) -> None:
    table = virtual_table()
    identity = await lab.told("cell-1", table)
    view = await lab.predict(cycling_result=identity)
    said = DegradationModelOutput.model_validate(view.data).prediction
    assert said.in_domain is False
    assert said.interval_low is not None
    assert said.interval_high is not None
    assert 30 < said.interval_low < said.end_of_life.value < said.interval_high
    assert said.rating.rating <= 3
    assert said.model.startswith("trajectory@")
    assert "80 % of that of the first cycle after formation" in said.definition
    notes = view.provenance.notes
    assert notes["simulated_input"] is notes[RESTS_ON_SIMULATED] is True
    made = Reproducibility.model_validate(notes[REPRODUCIBILITY])
    assert (made.model, made.seeds) == (said.model, (0,))
    assert made.initial_parameters["life_median"] == 800
    assert (
        metadata_sha256(
            Result.model_validate(
                {
                    name: value
                    for name, value in view.model_dump().items()
                    if name in Result.model_fields
                }
                | {"token": 1}
            )
        )
        == made.metadata_sha256
    )
    assert notes["synthetic"] == ["made up for a test", "the cell and its cycling are simulated"]
    assert notes["formation_cycles"] == 2
    assert "NMC811|graphite" in notes["why_outside"][next(iter(notes["why_outside"]))]

    # What cannot be is refused in words.
    with pytest.raises(RequestFailedError, match="is about cell-1, and the request about cell-2"):
        await lab.predict(cycling_result=identity, cell_info={"sample": "cell-2"})
    with pytest.raises(RequestFailedError, match="3 cycles after formation are too few"):
        await lab.predict(input_cycles=np.array([3.0, 2.9, 2.8]))
    with pytest.raises(RequestFailedError, match="of degradation_eol/degradation_model, not of"):
        await lab.predict(cycling_result=view.id)

    # The cards are in the ledger, whole, with their files.
    told = [
        TrainingOutput.model_validate(found.data)
        async for found in lab.client.results(quantity=TRAINING[0], unsolicited=True)
    ]
    names = [card.name.partition("@")[0] for output in told for card in output.cards]
    assert names == ["severson2019-100", "severson2019-40", "severson2019-variance", "trajectory"]
    assert said.model in {card.name for output in told for card in output.cards}

    # Six cells whose end was reached: the seventh is predicted by what they teach.
    generator = np.random.default_rng(0)
    for number in range(7):
        await lab.told(f"own-{number}", *_spent(table, generator))
    view = await lab.predict(cycling_result=await lab.told("own-7", *_spent(table, generator)),
                             cell_info={"sample": "own-7"})  # fmt: skip
    trained = await lab.client.request(*TRAINING, {"chemistry": "NMC811|graphite"}, timeout=30)
    cards = TrainingOutput.model_validate(trained.data).cards
    assert not cards  # nobody has said what the cells are made of, own-7 excepted
    for number in range(7):
        await lab.predict(cycling_result=await _result_of(lab, f"own-{number}"),
                          cell_info={"sample": f"own-{number}"})  # fmt: skip
    async with asyncio.timeout(30):  # by the journal's word; nobody asks for it
        while len(lab.node._school.models()) == 3 or lab.node._school.models()[0].card.cells < 8:
            await asyncio.sleep(0.05)
    trained = await lab.client.request(*TRAINING, {"chemistry": "NMC811|graphite"}, timeout=30)
    (card,) = TrainingOutput.model_validate(trained.data).cards
    assert card.name.startswith("simulated-nmc811-graphite-30@")
    assert card.cells == len(card.results) == 8
    assert card.simulated
    assert card.scores["cross-validation, one cell left out"]["cells"] == 8

    # The file of the card predicts as the node does.
    assert card.file is not None
    kept = await lab.client.artifact(card.file.sha256, to=tmp_path / "card.json")
    model = StatisticalModel.read(kept.read_text())
    assert model.card.name == card.name
    assert any(each.document() == model.document() for each in lab.node._school.models())

    # It is trained again from the results that its card names, and predicts the same.
    assert compared(model, lab.node._school._cells.again(model.card)).same
    made = Reproducibility.model_validate(trained.provenance.notes[REPRODUCIBILITY])
    assert (made.model, made.training_sha256) == (card.name, card.data_sha256)


def _spent(table: pl.DataFrame, generator: np.random.Generator) -> tuple[pl.DataFrame, Any]:
    """A table of early cycles, differing from cell to cell, and capacities to the end: made up."""
    fade = generator.uniform(0.002, 0.006)
    early = cycles_of(table).discharge
    numbers = np.arange(1, 200)
    capacity = early[2] * np.minimum(1.0, 1 - fade * (numbers - 3.0))
    shifted = table.with_columns(
        pl.when(pl.col("current_ampere") < 0)
        .then(pl.col("voltage_volt") - fade * pl.col("cycle_count") / 10)
        .otherwise(pl.col("voltage_volt"))
        .alias("voltage_volt")
    )
    return shifted, np.maximum(capacity, 0.5 * early[2])


async def _result_of(lab: Lab, cell: str) -> str:
    async for view in lab.client.results(quantity="capacity"):
        if view.data["cell_info"]["sample"] == cell:
            return str(view.id)
    raise AssertionError(cell)
