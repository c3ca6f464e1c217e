"""Measuring what is in the cells: readings of the instruments, judged."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from labmesh import Order
from labmesh.clock import Clock
from labmesh.instrument import Calibration, Calibrations
from messages.errors import OrderError, WireError
from messages.model import JsonObject
from nodes.asab._device_parameters import DeviceParameters
from nodes.asab._devices import Devices
from nodes.asab._laws import CONDUCTIVITY, DENSITY, VISCOSITY, Property
from nodes.asab._measurement import Reading, formulation_uncertainty, molality_and_share
from nodes.asab._mixing import Mixture
from nodes.asab.devices import Fit, Spectrum, cell_constant, conductivity, fit_circuit

CELL_CONSTANT: Final = "conductivity_cell/cell_constant"
"""The calibration of the conductivity cell."""

DENSITY_FLOOR: Final = 0.05
"""kg/m3; standard uncertainty of the densimeter's own adjustment, beside the scatter; assumed."""

VISCOSITY_FLOOR: Final = 5e-3
"""Relative, of the viscosimeter's own adjustment; assumed, of the order of the maker's figure."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A reading, and what speaks against it.

    Attributes:
        reading: Values, mean, standard uncertainty with that of the formulation.
        share: Part of the readings that was valid.
        words: How many, in words.
        notes: For provenance.
    """

    reading: Reading
    share: float
    words: str
    notes: JsonObject = field(default_factory=dict)

    @property
    def at_most(self) -> int:
        """The best rating that the share of valid readings leaves."""
        return math.floor(5 * self.share + 1e-9)


class Readings:
    """Takes readings with the devices; in a dry run, tells what the laws promise.

    Args:
        devices: The instruments.
        parameters: As they are now.
        calibrations: Of the cell.
        clock: Of the experiment.
    """

    def __init__(
        self,
        devices: Devices,
        parameters: Callable[[], DeviceParameters],
        calibrations: Calibrations,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._of = parameters
        self._calibrations = calibrations
        self._clock = clock

    async def density_and_viscosity(
        self, order: Order[Any], mixture: Mixture, temperature: float
    ) -> tuple[Judged, Judged]:
        """Measure both; a reading without a valid value has infinite uncertainty.

        Raises:
            OrderError: There is no densimeter, no method for this temperature, or no answer.
        """
        densimeter = self._devices.densimeter
        if densimeter is None:
            raise OrderError("there is no densimeter", remedy="give devices.densimeter an address")
        method = self.method(temperature)
        name = f"{order.request.hex[:12]}-{order.attempt}-{self._clock.now() // 10**9}"
        try:
            table = await densimeter.measure(name, method, standing=order.check)
        except WireError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        if not table.raw:
            return promised(DENSITY, mixture, temperature), promised(
                VISCOSITY, mixture, temperature
            )
        await order.attach(table.raw, name=table.name, media_type="text/csv")
        return (
            _judge(
                DENSITY, table.densities, table.share(table.densities), mixture, temperature,
                DENSITY_FLOOR,
            ),
            _judge(
                VISCOSITY, table.viscosities, table.share(table.viscosities), mixture, temperature,
                VISCOSITY_FLOOR * float(table.viscosities.mean()) if len(table.viscosities) else 0,
            ),
        )  # fmt: skip

    async def conductivity(self, order: Order[Any], mixture: Mixture) -> tuple[Judged, Calibration]:
        """Measure it, with the cell constant of the calibration in force.

        Raises:
            OrderError: There is no potentiostat, no answer, or no spectrum of a filled cell.
            CalibrationExpiredError: The cell is not calibrated, and such is refused.
        """
        p, temperature = self._of(), self._of().cell_temperature
        calibration = self.cell()
        fits = await self._fits(order)
        if not fits:
            return promised(CONDUCTIVITY, mixture, temperature), calibration
        result = calibration.result
        constant = float(result["cell_constant"])
        found = conductivity(fits, constant, float(result["uncertainty"]))
        formulation = formulation_uncertainty(CONDUCTIVITY.law, mixture, temperature)
        reading = Reading(found.repeats, found.value, math.hypot(found.uncertainty, formulation))
        notes = {"fits": [_plain(fit) for fit in fits], "cell_constant": constant}
        return Judged(
            reading, 1.0, f"{len(fits)} of {p.spectra} spectra fitted", notes
        ), calibration

    async def calibrate(self, standard: float) -> tuple[float, float, list[Fit]]:
        """Return the cell constant (1/m), its standard uncertainty, and the fits behind them.

        Args:
            standard: Conductivity in S/m of what is in the cell.
        """
        fits = await self._fits(None)
        if not fits:
            raise OrderError("a dry run measures nothing")
        found = cell_constant(fits, standard)
        return found.value, found.uncertainty, fits

    def cell(self) -> Calibration:
        """Return the calibration of the cell in force; errors as `Calibrations.valid`."""
        calibration = self._calibrations.valid(CELL_CONSTANT)
        if "cell_constant" not in calibration.result:
            raise OrderError(
                "the conductivity cell was never calibrated", where=CELL_CONSTANT,
                remedy="fill it with a standard and call cell.calibrate",
            )  # fmt: skip
        return calibration

    def method(self, temperature: float) -> str:
        """Return the densimeter's method for a temperature.

        Raises:
            OrderError: There is none.
        """
        methods = self._of().methods
        for name, kelvin in methods.items():
            if abs(kelvin - temperature) < 1e-6:
                return name
        known = ", ".join(f"{kelvin:g}" for kelvin in sorted(methods.values()))
        raise OrderError(
            f"the densimeter has no method for {temperature:g} K", where="temperature",
            remedy=f"ask for one of {known} K",
        )  # fmt: skip

    async def _fits(self, order: Order[Any] | None) -> list[Fit]:
        potentiostat, p = self._devices.potentiostat, self._of()
        if potentiostat is None:
            raise OrderError(
                "there is no potentiostat", remedy="give devices.potentiostat an address"
            )
        fits = []
        spectra: list[Spectrum] = []
        for index in range(p.spectra):
            if order is not None:
                await order.feedback(None, f"impedance, {index + 1} of {p.spectra}")
            try:
                spectrum = await potentiostat.spectrum()
            except WireError as error:
                raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
            if not len(spectrum.frequency):
                return []
            spectra.append(spectrum)
            fit = await asyncio.to_thread(fit_circuit, spectrum)
            if fit.consistency > p.consistency:
                raise OrderError(
                    f"the spectrum misses Kramers and Kronig's relations by {fit.consistency:.1%}",
                    where="conductivity cell",
                    remedy="look for a loose contact or for bubbles, and measure again",
                )
            fits.append(fit)
        if order is not None:
            raw = json.dumps({"spectra": [_columns(spectrum) for spectrum in spectra]})
            await order.attach(raw.encode(), name="impedance.json", media_type="application/json")
        return fits


def promised(what: Property, mixture: Mixture, temperature: float) -> Judged:
    """Return what a law says instead of a measurement: of a dry run."""
    value = what.law(*molality_and_share(mixture.achieved), temperature)
    reading = Reading(np.array([value]), value, math.inf)
    return Judged(reading, 0.0, "dry run: computed, not measured", {"dry_run": True})


def _judge(
    what: Property,
    values: NDArray[np.float64],
    share: float,
    mixture: Mixture,
    temperature: float,
    floor: float,
) -> Judged:
    words = f"{share:.0%} of the readings are valid"
    if not len(values):
        return Judged(Reading(values, math.nan, math.inf), 0.0, words)
    mean = float(values.mean())
    scatter = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    formulation = formulation_uncertainty(what.law, mixture, temperature)
    return Judged(Reading(values, mean, math.hypot(scatter, floor, formulation)), share, words)


def _columns(spectrum: Spectrum) -> JsonObject:
    return {
        "frequency_Hz": spectrum.frequency.tolist(),
        "real_Ohm": spectrum.impedance.real.tolist(),
        "imaginary_Ohm": spectrum.impedance.imag.tolist(),
    }


def _plain(fit: Fit) -> JsonObject:
    return {
        "R_s_Ohm": fit.resistance,
        "R_s_uncertainty_Ohm": fit.uncertainty,
        "L_H": fit.inductance,
        "Q_S_s^n": fit.admittance,
        "n": fit.exponent,
        "residual": fit.residual,
        "kramers_kronig": fit.consistency,
    }
