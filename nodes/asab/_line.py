"""The simulated fluidic line: bottles, pumps, and one mixture at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from labmesh import Order, OrderError, OrderVoidError
from labmesh.clock import Clock
from messages.chemistry import Formulation
from messages.model import Model
from nodes.asab._inventory import Inventory
from nodes.asab._laws import Property
from nodes.asab._measurement import Reading, measure
from nodes.asab._mixing import Mixer, Mixture, Vector, named
from nodes.asab._noise import Noise
from nodes.asab._parameters import AsabParameters
from nodes.asab._stocks import Stock

P = TypeVar("P", bound=Model)

CLEANING: Final = 0.8
"""Fraction of an order at which only cleaning is left."""

_MIXED: Final = 0.3
_SLICE: Final = 30.0
"""Seconds of the experiment after which a waiting order looks whether it still stands."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One filling of the line.

    Attributes:
        mixture: What was planned.
        delivered: Mole fractions that the simulated pumps really made; no result tells them.
        labels: What the noise of this batch belongs to.
        sample: Identity of the electrolyte.
    """

    mixture: Mixture
    delivered: Vector
    labels: tuple[str | int, ...]
    sample: str


class Line:
    """Mixes, waits and cleans; the only one who books liquid.

    Args:
        stocks: The bottles.
        inventory: How full they are.
        clock: Of the experiment.
        parameters: Of the node.
        changed: Called when levels or the state of the line have changed.
    """

    def __init__(
        self,
        stocks: Sequence[Stock],
        inventory: Inventory,
        clock: Clock,
        parameters: AsabParameters,
        changed: Callable[[], None],
    ) -> None:
        self.stocks = tuple(stocks)
        self.inventory = inventory
        self._clock = clock
        self._changed = changed
        self.adopt(parameters)

    def adopt(self, parameters: AsabParameters) -> None:
        """Work with these parameters from the next order on."""
        self._parameters = parameters
        self._noise = Noise(parameters.seed)
        self.mixer = Mixer(
            self.stocks,
            resolution=parameters.pump_resolution,
            volume_uncertainty=parameters.volume_uncertainty,
            tolerance=parameters.tolerance,
        )

    @property
    def sample_volume(self) -> float:
        """M3 for one measurement."""
        return self._parameters.sample_volume

    @property
    def dry_run(self) -> bool:
        """Whether nothing is booked."""
        return self._parameters.dry_run

    @property
    def conductivity_duration(self) -> float:
        """Seconds of a reading."""
        return self._parameters.conductivity_duration

    @property
    def density_duration(self) -> float:
        """Seconds of a reading."""
        return self._parameters.density_duration

    @asynccontextmanager
    async def batch(
        self, order: Order[P], formulation: Formulation, volume: float
    ) -> AsyncIterator[Batch]:
        """Mix ``volume`` m3, and clean the line afterwards, also when the order turns out void.

        Raises:
            OrderError: Before anything moves: the formulation is infeasible, or a bottle would run
                out.
            OrderVoidError: The order was retracted; the line is clean again.
        """
        mixture = self.mixer.plan(formulation, volume)
        if self.inventory.dirty:
            await order.feedback(0.0, "cleaning what an earlier order left")
            await self._clean()
        order.check()
        batch = await self._take(order, mixture)
        try:
            amounts = self.by_stock(mixture.volumes).items()
            words = ", ".join(f"{1e6 * v:.3f} mL {name}" for name, v in amounts if v > 0)
            await order.feedback(0.05, f"mixing {words}")
            await self._wait(order, self._parameters.formulate_duration)
            yield batch
            await order.feedback(CLEANING, "cleaning")
        except (OrderVoidError, OrderError):
            await self._clean()
            raise
        await self._clean()

    async def repeat(self, order: Order[P], what: str, duration: float) -> None:
        """Take the readings of what is in the line, each ``duration`` seconds long."""
        repeats = self._parameters.repeats
        for index in range(repeats):
            done = _MIXED + (CLEANING - _MIXED) * index / repeats
            await order.feedback(done, f"measuring {what}, {index + 1} of {repeats}")
            await self._wait(order, duration)

    def read(self, what: Property, batch: Batch, temperature: float) -> Reading:
        """Return the readings of one property."""
        return measure(
            what.law,
            batch.mixture,
            batch.delivered,
            temperature,
            repeatability=what.repeatability,
            repeats=self._parameters.repeats,
            noise=self._noise,
            labels=(what.name, *batch.labels),
        )

    def by_stock(self, volumes: Vector) -> dict[str, float]:
        """Return the volumes of a mixture by the names of the stocks."""
        return dict(zip((stock.name for stock in self.stocks), volumes.tolist(), strict=True))

    async def _take(self, order: Order[P], mixture: Mixture) -> Batch:
        campaign, key = order.campaign or "", _canonical(order, mixture)
        volumes = self.by_stock(mixture.volumes)
        occurrence = 0
        if not self._parameters.dry_run:
            occurrence = await asyncio.to_thread(
                self.inventory.take, order.request, campaign, key, volumes
            )
        self._changed()
        order.note(
            simulated_instrument="ASAB",
            stock_volumes=volumes,
            requested_mole_fractions=named(mixture.requested),
            achieved_mole_fractions=named(mixture.achieved),
            achieved_uncertainties=named(mixture.covariance.diagonal() ** 0.5),
            distance=mixture.distance,
            repeats=self._parameters.repeats,
            occurrence=occurrence,
        )
        # Not the campaign's name: under another one the same seed gives the same campaign.
        labels = (key, occurrence)
        return Batch(
            mixture=mixture,
            delivered=self.mixer.deliver(mixture, self._noise, *labels),
            labels=labels,
            sample=f"electrolyte-{order.request}-{order.attempt}",
        )

    async def _wait(self, order: Order[P], seconds: float) -> None:
        """Let time of the experiment pass, with a look now and then whether the order stands."""
        while seconds > 0:
            await self._clock.sleep(min(seconds, _SLICE))
            seconds -= _SLICE
            order.check()

    async def _clean(self) -> None:
        await self._clock.sleep(self._parameters.clean_duration)
        await asyncio.to_thread(self.inventory.cleaned)
        self._changed()


def _canonical(order: Order[P], mixture: Mixture) -> str:
    """Return what makes two orders ask for the same: no uuid, no time, no order of components."""
    rest = order.parameters.model_dump(mode="json", exclude={"formulation"})
    fractions = [round(x, 9) + 0.0 for x in mixture.requested.tolist()]
    kind = type(order.parameters).__name__
    return json.dumps([kind, fractions, rest], sort_keys=True, separators=(",", ":"))
