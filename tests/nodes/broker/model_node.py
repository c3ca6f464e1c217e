"""A worker for tests with processes."""

from __future__ import annotations

import asyncio

from labmesh import Node, NodeParameters, Order, capability
from messages.model import Model, Real


class Question(Model):
    """What it takes."""

    x: Real
    seconds: Real = 0.0


class Answer(Model):
    """What it gives."""

    y: Real


class DoublingNode(Node[NodeParameters]):
    """Doubles numbers."""

    @capability("doubling", "sum", slots=8, lease=3.0)
    async def double(self, order: Order[Question]) -> Answer:
        """Add a number to itself."""
        await asyncio.sleep(order.parameters.seconds)
        return Answer(y=order.parameters.x * 2)
