"""A water bath as an instrument: run it with `labmesh run bath:Bath`."""

import asyncio
from typing import Annotated

from pydantic import Field

from labmesh import (
    Level,
    NoArguments,
    Node,
    NodeParameters,
    Order,
    OrderError,
    capability,
    service,
)
from messages.meaning import Term
from messages.model import Model, Real, Unit


class SimulatedHeater:
    """Stands in for the vendor's driver, which blocks while it talks to the hardware."""

    def __init__(self, start: float) -> None:
        self.temperature = start

    def step_towards(self, target: float, rate: float) -> float:
        """Heat or cool for a second; return the temperature in K."""
        change = max(-rate, min(rate, target - self.temperature))
        self.temperature += change
        return self.temperature


class BathParameters(NodeParameters):
    """What an operator may set."""

    rate: float = Field(default=2.0, gt=0, description="fastest change of temperature, K/s")
    highest: float = Field(default=360.0, description="never hotter than this, K")


class SetPoint(Model, term="HeatTreatment"):
    """What a request says."""

    temperature: Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")]


class Reached(Model, term="HeatTreatment"):
    """What a result says."""

    temperature: Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")]
    duration: Annotated[Real, Unit("s"), Term("Duration")]


class Bath(Node[BathParameters]):
    """A simulated water bath."""

    Parameters = BathParameters

    async def on_configure(self) -> None:
        """Connect to the instrument."""
        self.heater = SimulatedHeater(start=298.15)

    def limitations(self, quantity: str, method: str) -> dict[str, object]:
        """Say what this bath can do; the ledger refuses everything else at the door."""
        limits = {"minimum": 275.0, "maximum": self.parameters.highest}
        return {"properties": {"temperature": limits}}

    @capability("temperature", "water_bath", worker="instrument", resource="bath", simulated=True)
    async def set_temperature(self, order: Order[SetPoint]) -> Reached:
        """Bring the bath to a temperature."""
        target, begun = order.parameters.temperature, self.clock.now()
        while abs(self.heater.temperature - target) > 0.05:
            # A driver that blocks runs in a thread; feedback stops us when the order is retracted.
            await asyncio.to_thread(self.heater.step_towards, target, self.parameters.rate)
            await order.feedback(None, f"{self.heater.temperature:.1f} K")
            await self.clock.sleep(1)
            if self.heater.temperature > self.parameters.highest:
                self.diagnose("heater", Level.ERROR, "too hot", remedy="switch the bath off")
                raise OrderError("the bath is too hot", remedy="see diagnostics of the node")
        order.rate(success=True, rating=5, reason="within 0.05 K")
        duration = (self.clock.now() - begun) / 1e9
        return Reached(temperature=self.heater.temperature, duration=duration)

    @service("bath.read")
    async def read(self, arguments: NoArguments) -> SetPoint:
        """Return the temperature now."""
        return SetPoint(temperature=self.heater.temperature)
