"""A workshop whose acts are noted down: it mixes, splits, tests and disposes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from labmesh import Node, NodeParameters, Order, OrderError, capability, parameter
from messages.ledger import SampleId, SampleStep
from messages.model import Count, Model, Real, Text


class WorkshopParameters(NodeParameters):
    """Parameters of the workshop."""

    diary: str = parameter(description="file of what was done, a line an act")


class MixInput(Model):
    """What to mix."""

    recipe: Text
    parts: Count = 4


class MixOutput(Model):
    """What was mixed."""

    vial: SampleId
    parts: tuple[Text, ...]


class TestInput(Model):
    """What to test."""

    part: Text
    seconds: Real = 0.0


class TestOutput(Model):
    """What was found."""

    value: Real


class DisposeInput(Model):
    """What to throw away."""

    vial: SampleId


class Nothing(Model):
    """Nothing to say."""


class WorkshopNode(Node[WorkshopParameters]):
    """Mixes, tests, disposes."""

    Parameters = WorkshopParameters

    def _note(self, words: str) -> None:
        with Path(self.parameters.diary).open("a", encoding="utf-8") as file:
            file.write(words + "\n")

    @capability("workshop", "mix", worker="instrument")
    async def mix(self, order: Order[MixInput]) -> MixOutput:
        """Mix a vial."""
        recipe = order.parameters.recipe
        self._note(f"mix {recipe}")
        if recipe.startswith("bad"):
            raise OrderError("it cannot be made; the nearest feasible one is 7", remedy="take 7")
        vial = f"vial-{order.request}"
        order.sample(SampleStep(sample=vial, kind="vial", state=0, label="mixed"))
        order.rate(success=True, rating=4, reason="well shaken")
        return MixOutput(
            vial=vial, parts=tuple(f"{recipe}{n}" for n in range(order.parameters.parts))
        )

    @capability("workshop", "test", worker="instrument", slots=8)
    async def test(self, order: Order[TestInput]) -> TestOutput:
        """Test a part."""
        part = order.parameters.part
        self._note(f"test {part}")
        until = asyncio.get_running_loop().time() + order.parameters.seconds
        while asyncio.get_running_loop().time() < until:
            order.check()
            await asyncio.sleep(0.05)
        if part.endswith("2"):
            raise OrderError(f"{part} is broken")
        return TestOutput(value=float(part[-1]))

    @capability("workshop", "dispose")
    async def dispose(self, order: Order[DisposeInput]) -> Nothing:
        """Throw a vial away."""
        self._note(f"dispose {order.parameters.vial[:4]}")
        return Nothing()
