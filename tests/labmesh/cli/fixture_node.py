"""Small nodes with everything the command line can touch."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from labmesh import NoArguments, Node, NodeParameters, Order, OrderError, capability, service
from messages.errors import LabmeshError
from messages.ledger import SampleStep
from messages.model import JsonObject, Model, Real, Unit


class BenchParameters(NodeParameters):
    """Parameters of the bench."""

    gain: Annotated[Real, Unit("1"), Field(ge=0)] = Field(default=2.0, description="factor")
    label: str = Field(default="left", description="which bench it is")
    limits: dict[str, float] = Field(default_factory=dict, description="by channel")


class SumInput(Model):
    """What to add."""

    terms: Annotated[tuple[Real, ...], Field(max_length=10)]
    delay: Annotated[Real, Unit("s"), Field(ge=0, le=60)] = 0.0


class SumOutput(Model):
    """What came out."""

    total: Annotated[Real, Unit("1")]


class Mixture(Model):
    """What was mixed."""

    sample: str


class Greeting(Model):
    """Whom to greet."""

    name: str


class BenchNode(Node[BenchParameters]):
    """Adds numbers on a bench."""

    Parameters = BenchParameters

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """Take at most five terms."""
        return {"properties": {"terms": {"maxItems": 5}}}

    @capability("total", "addition", worker="model", simulated=True)
    async def total(self, order: Order[SumInput]) -> SumOutput:
        """Sum of terms, times the gain."""
        steps = 4
        for step in range(steps):
            await order.feedback((step + 1) / steps, f"step {step + 1}")
            await asyncio.sleep(order.parameters.delay / steps)
        if not order.parameters.terms:
            raise OrderError("nothing to add", remedy="give some terms")
        order.rate(success=True, rating=5, reason="exact")
        return SumOutput(total=self.parameters.gain * sum(order.parameters.terms))

    @capability("mixture", "stirring", simulated=True)
    async def mixture(self, order: Order[Mixture]) -> Mixture:
        """Stir a sample into being."""
        order.sample(
            SampleStep(
                sample=order.parameters.sample, kind="electrolyte", state=0, label="formulated"
            )
        )
        return order.parameters

    @service("bench.greet")
    async def greet(self, arguments: Greeting) -> JsonObject:
        """Greet."""
        if arguments.name == "nobody":
            raise LabmeshError("nobody is not there", remedy="greet somebody")
        return {"text": f"hello {arguments.name}", "bytes": b"\x01\x02"}

    @service("bench.count")
    async def count(self, arguments: NoArguments) -> JsonObject:
        """Count."""
        return {"count": 3}


class HandNode(Node[NodeParameters]):
    """Moves things, slowly."""

    @capability("position", "by_hand", worker="instrument", lease=2.0, simulated=True)
    async def position(self, order: Order[SumInput]) -> SumOutput:
        """Move, and say where it is."""
        await order.feedback(0.1, "moving")
        if not order.parameters.terms:
            raise OrderError("it fell from the gripper")
        await asyncio.sleep(order.parameters.delay)
        return SumOutput(total=0.0)
