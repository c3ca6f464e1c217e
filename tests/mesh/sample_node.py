"""An instrument that makes cells and forms them; it may break, or take its time."""

from __future__ import annotations

import asyncio

from labmesh import Node, NodeParameters, Order, OrderError, capability
from messages.ledger import SampleId, SampleStep
from messages.model import Count, Model, Real, Text


class Cell(Model):
    """Which cell, in which state, how."""

    cell: SampleId
    state: Count = 0
    seconds: Real = 0.0
    trouble: Text = ""


class Done(Model):
    """Nothing but that it was done."""

    cell: SampleId


class CellNode(Node[NodeParameters]):
    """Assembles and forms."""

    @capability("cell", "assembly", worker="instrument", lease=1.5)
    async def assemble(self, order: Order[Cell]) -> Done:
        """Make a cell of a vial."""
        cell = order.parameters.cell
        order.sample(
            SampleStep(
                sample=cell, kind="coin_cell", state=0, label="assembled", parents=("vial-1",),
                location="tray 1",
            )
        )  # fmt: skip
        return Done(cell=cell)

    @capability("cell", "formation", worker="instrument", lease=1.5)
    async def form(self, order: Order[Cell]) -> Done:
        """Form a cell."""
        asked = order.parameters
        await asyncio.sleep(asked.seconds)
        step = SampleStep(
            sample=asked.cell, kind="coin_cell", state=asked.state + 1, expects_state=asked.state,
            label="formed", location="channel 3",
        )  # fmt: skip
        if asked.trouble == "short circuit":
            order.sample(step.model_copy(update={"label": "shorted"}))
            raise OrderError("the cell is shorted")
        if asked.trouble:
            raise ZeroDivisionError(asked.trouble)
        order.sample(step)
        return Done(cell=asked.cell)
