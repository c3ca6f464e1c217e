"""Many cells as arrays: what a current does to all of them during one short time.

The equations are in ``docs/cycler.md``. State of a cell: the lithium in both electrodes, how far
the NMC's surface is from its mean (the one relaxation of the model, its RC element), the SEI's
lithium, and what formation will still take.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nodes.cycler.virtual._cell import FARADAY, GAS, REFERENCE, Cell
from nodes.cycler.virtual._half_cells import HalfCells

Which = NDArray[np.intp] | slice | int
"""Several channels, all, or one: then all numbers are plain ones, and arithmetic is quicker."""

Numbers = Any
"""A vector with a value a channel, or the number of the one channel."""

ALL: Final = slice(None)

_BARE: Final = 0.01
"""Stoichiometry below which the SEI finds less and less lithium to grow with: a new cell, at rest
before its first charge, has none to lose."""

_NAMES: Final = tuple(field.name for field in fields(Cell))


class Proposal(NamedTuple):
    """Cells after a time, not yet taken over. Charges in A.h, voltage in V."""

    in_negative: Numbers
    in_positive: Numbers
    surface: Numbers
    sei: Numbers
    formation: Numbers
    current: Numbers
    charge: Numbers
    voltage: Numbers


class Bank:
    """``count`` cells side by side.

    Attributes:
        voltage: Between the terminals, with the current that flows, V.
        temperature: In K; `set_temperature` changes it.
    """

    def __init__(self, count: int) -> None:
        self._tables = HalfCells()
        self.values = {name: np.ones(count) for name in _NAMES}
        self.temperature = np.full(count, REFERENCE)
        self.voltage = np.zeros(count)
        self._ohmic, self._film = np.ones(count), np.ones(count)
        self._exchange = np.ones(count)
        self._thermal = np.ones(count)
        self._growth = np.zeros(count)
        self._bind()
        for channel in range(count):
            self.load(channel, Cell())

    def _bind(self) -> None:
        v = self.values
        self.negative, self.positive = v["negative"], v["positive"]
        self.shift, self.lag, self.tau = v["shift"], v["lag"], v["tau"]
        self.in_negative, self.in_positive = v["in_negative"], v["in_positive"]
        self.surface, self.sei = v["surface"], v["sei"]
        self.formation, self.formation_scale = v["formation"], v["formation_scale"]

    def load(self, channel: int, cell: Cell) -> None:
        """Put a cell into a channel."""
        for name, value in cell.plain().items():
            self.values[name][channel] = value
        self._adopt(channel)

    def cell(self, channel: int) -> Cell:
        """Return the cell in a channel as it is now."""
        return Cell.of({name: float(array[channel]) for name, array in self.values.items()})

    def set_temperature(self, channel: int, kelvin: float) -> None:
        """Change a cell's temperature."""
        self.temperature[channel] = kelvin
        self._adopt(channel)

    def _adopt(self, i: int) -> None:
        """Work out what depends on parameters and temperature alone (Arrhenius)."""
        v, kelvin = self.values, float(self.temperature[i])
        warmth = (1 / REFERENCE - 1 / kelvin) / GAS
        faster = np.exp(v["activation_resistance"][i] * warmth)
        self._ohmic[i] = v["resistance"][i] / faster
        self._film[i] = v["film"][i] / faster
        self._exchange[i] = v["exchange"][i] * faster
        self._thermal[i] = 2 * GAS * kelvin / FARADAY
        self._growth[i] = v["growth"][i] * np.exp(v["activation_sei"][i] * warmth)

    def propose(self, which: Which, time: Numbers, current: Numbers, held: Numbers) -> Proposal:
        """Return the cells after ``time`` seconds under ``current`` (A).

        Args:
            which: Of which cells.
            time: One value a cell.
            current: One value a cell; where ``held`` is a number, the first guess.
            held: Voltages that are held, V; NaN where the current is.
        """
        hours = time / 3600
        negative, positive = self.negative[which], self.positive[which]
        shift, lag = self.shift[which], self.lag[which]
        charge = current * hours
        filled = self.in_negative[which] / negative
        there = np.minimum(np.maximum(filled / _BARE, 0.0), 1.0)
        sei = self.sei[which]
        grown = self._growth[which] * hours / sei * there
        formation = self.formation[which]
        formed = np.maximum(charge, 0.0) * formation / self.formation_scale[which]
        in_negative = self.in_negative[which] + charge - grown - formed
        in_positive = self.in_positive[which] - charge
        fades = np.exp(time / -self.tau[which])
        reached = (1 - fades) * lag / positive
        surface = self.surface[which] * fades - reached * current
        filled = in_negative / negative
        shifted = shift / negative
        y, x = in_positive / positive + surface, filled + shifted * current
        potential, slope = self._look_up(y, x)
        # The graphite's exchange current falls to nothing when it is empty or full.
        order = np.sqrt(np.maximum(filled * (1 - filled), 1e-4))
        double = 4 * self._exchange[which] * order
        ratio = current / double
        thermal = self._thermal[which]
        ohmic = self._ohmic[which] + self._film[which] * sei
        voltage = potential[0] - potential[1] + ohmic * current + thermal * np.arcsinh(ratio)
        miss = held - voltage
        held_here = miss == miss  # noqa: PLR0124 - False where it is NaN
        if held_here.any():
            slopes = (
                ohmic
                + thermal / (double * np.sqrt(1 + ratio * ratio))
                - slope[0] * (hours / positive + reached)
                - slope[1] * (hours / negative + shifted)
            )
            change = np.where(held_here, miss / slopes, 0.0)
            current = current + change
            more = change * hours
            charge = charge + more
            in_negative += more
            in_positive -= more
            surface -= reached * change
            voltage = np.where(held_here, held, voltage)
        return Proposal(
            in_negative, in_positive, surface, sei + grown, formation - formed,
            current, charge, voltage,
        )  # fmt: skip

    def _look_up(self, y: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
        if not isinstance(y, np.ndarray):
            return self._tables.at_one(y, x)
        pair = np.empty((2, y.size))
        pair[0], pair[1] = y, x
        return self._tables.at(pair)

    def take(self, which: Which, p: Proposal) -> None:
        """Let a proposal come true."""
        self.in_negative[which] = p.in_negative
        self.in_positive[which] = p.in_positive
        self.surface[which] = p.surface
        self.sei[which] = p.sei
        self.formation[which] = p.formation
        self.voltage[which] = p.voltage

    def lose_material(self, channel: int, cycles: float) -> None:
        """Age the electrodes by a number of equivalent full cycles.

        The lithium in what is lost is lost with it: the stoichiometries stay.
        """
        v = self.values
        for electrode, inside, rate in (
            ("negative", "in_negative", "lam_negative"),
            ("positive", "in_positive", "lam_positive"),
        ):
            kept = 1 - float(v[rate][channel]) * cycles
            v[electrode][channel] *= kept
            v[inside][channel] *= kept
