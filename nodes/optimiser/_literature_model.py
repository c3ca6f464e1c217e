"""The published tables of a campaign, as a model anyone may ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from messages.chemistry import RunInfo
from messages.electrolyte import ConductivityInput, ConductivityOutput
from messages.errors import BodyError, OrderError
from messages.formulation_algebra import molality_and_w_ec
from messages.quantity import Quantity
from messages.reproducibility import Recipe
from nodes.optimiser._campaign_file import DatasetSection
from nodes.optimiser._literature import LiteratureValue, literature_at
from nodes.optimiser._prior import LiteraturePoint, at_temperature
from nodes.optimiser._published import PublishedTable, read_published


@dataclass(frozen=True, slots=True)
class LiteratureModel:
    """Interpolates between published conductivities of LiPF6 in EC:EMC; never beyond them.

    Attributes:
        tables: The tables with their sections of the campaign file.
    """

    tables: tuple[tuple[DatasetSection, PublishedTable], ...]

    @classmethod
    def read(cls, sections: Sequence[DatasetSection], folder: Path) -> LiteratureModel:
        """Read the tables; errors as `read_published`."""
        return cls(tuple((section, read_published(section, folder)) for section in sections))

    def recipe(self) -> Recipe:
        """Return what it takes to answer so again: the tables, of which each row counts."""
        words = json.dumps([[table.name, *map(astuple, table.rows)] for _, table in self.tables])
        return Recipe(
            model="linear interpolation between published compositions",
            initial_parameters={
                "tables": [each.model_dump(mode="json") for each, _ in self.tables]
            },
            training_sha256=hashlib.sha256(words.encode()).hexdigest(),
            training_data=", ".join(f"{t.name}: doi:{t.source.doi}" for _, t in self.tables),
        )

    def points(self, temperature: float) -> list[LiteraturePoint]:
        """Return every published conductivity at ``temperature`` (K)."""
        found = []
        for section, table in self.tables:
            near = table.near(temperature, section.temperature_window)
            found += at_temperature(near, temperature, interpolate=section.interpolate)
        return found

    def answer(self, asked: ConductivityInput) -> tuple[ConductivityOutput, LiteratureValue]:
        """Return the published conductivity of a formulation.

        Raises:
            OrderError: It is of other chemicals, or beyond what was published; the nearest
                published composition is named.
        """
        try:
            molality, w_ec = molality_and_w_ec(asked.formulation)
        except BodyError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from None
        value = literature_at(self.points(asked.temperature), w_ec, molality)
        if value is None:
            raise OrderError(
                f"nothing was published at {asked.temperature:g} K",
                where="temperature",
                remedy="ask for another temperature",
            )
        if not value.inside:
            raise OrderError(
                f"beyond what was published at {asked.temperature:g} K: "
                f"{value.describe(w_ec, molality)}",
                where="formulation",
                remedy="ask for a composition between published ones",
            )
        output = ConductivityOutput(
            run_info=RunInfo(
                formulation=asked.formulation, internal_reference=", ".join(value.dois)
            ),
            conductivity=Quantity.of(value.conductivity, "S/m", value.uncertainty),
            temperature=Quantity.of(asked.temperature, "K"),
        )
        return output, value
