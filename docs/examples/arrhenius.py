"""A whole node: run it with `labmesh run arrhenius:Arrhenius`."""

from math import exp
from typing import Annotated

from labmesh import Node, Order, capability
from messages.model import Model, Real, Unit


class Ask(Model):
    """What it needs to know."""

    temperature: Annotated[Real, Unit("K")] = 298.15


class Answer(Model):
    """What it says."""

    conductivity: Annotated[Real, Unit("S/m")]


class Arrhenius(Node):
    """Ionic conductivity by an Arrhenius law with made-up coefficients."""

    @capability("conductivity", "arrhenius_toy", simulated=True)
    async def conductivity(self, order: Order[Ask]) -> Answer:
        """Return A exp(-Ea / RT)."""
        await order.feedback(0.5, "solving")
        return Answer(conductivity=30.0 * exp(-8500 / (8.314 * order.parameters.temperature)))
