"""Where things are: trays, post, crimper, vials."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import Field, ValidationError, model_validator

from messages.assembly import Part
from messages.errors import ConfigurationError
from messages.model import Model, Real, Unit

Metre = Annotated[Real, Unit("m")]
RailMetre = Annotated[Real, Unit("m"), Field(ge=0, le=1.8)]
"""On the rail; AutoBASS's is 1.8 m long."""

PARTS: Final[tuple[Part, ...]] = (
    "anode_case", "anode_spacer", "anode", "separator",
    "cathode", "cathode_spacer", "spring", "cathode_case",
)  # fmt: skip
"""Parts of a CR2032 cell, in the order in which they are stacked."""

CELLS_IN: Final[Part] = "cathode_case"
"""The tray into whose pits finished cells go: the widest, and empty where the case was taken."""

_DEFAULT: Final = Path(__file__).with_name("layout.yaml")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for the tool: where the rail stands, and x and y in the arm's frame, in m."""

    rail: float
    x: float
    y: float


class Place(Model):
    """A spot as the file has it."""

    rail: RailMetre
    x: Metre
    y: Metre

    @property
    def spot(self) -> Spot:
        """The spot."""
        return Spot(self.rail, self.x, self.y)


class Vials(Model):
    """A rack of electrolyte vials."""

    first: Place
    pitch: Metre
    columns: Annotated[int, Field(ge=1)]
    row_pitch: Metre
    count: Annotated[int, Field(ge=1, le=96)]


class Heights(Model):
    """z of the tool's tip in the arm's frame."""

    travel: Metre
    pick: Metre
    place: Metre
    dispense: Metre

    @model_validator(mode="after")
    def _above(self) -> Heights:
        if self.travel <= max(self.pick, self.place, self.dispense):
            raise ValueError("travel is above pick, place and dispense")
        return self


class TrayLayout(Model):
    """The layout of one instrument."""

    pits: Annotated[int, Field(ge=1, le=256)]
    pits_per_stop: Annotated[int, Field(ge=1)]
    pitch: Annotated[Metre, Field(gt=0)]
    first_stop: RailMetre
    standby: RailMetre
    rows: dict[Part, Metre]
    post: Place
    crimper: Place
    waste: Place
    vials: Vials
    heights: Heights

    @model_validator(mode="after")
    def _complete(self) -> TrayLayout:
        missing = [part for part in PARTS if part not in self.rows]
        if missing:
            raise ValueError(f"rows lacks {', '.join(missing)}")
        if len(set(self.rows.values())) < len(self.rows):
            raise ValueError("two trays have the same row")
        if self.stop(self.pits) > 1.8:
            raise ValueError(f"the last stop, {self.stop(self.pits):g} m, is not on the rail")
        return self

    def stop(self, pit: int) -> float:
        """Return where the rail stands for a pit (from 1)."""
        column = (pit - 1) // self.pits_per_stop
        return round(self.first_stop + column * self.pits_per_stop * self.pitch, 6)

    def pit(self, part: Part, pit: int) -> Spot:
        """Return where a pit is.

        Raises:
            ValueError: There is no such pit.
        """
        if not 1 <= pit <= self.pits:
            raise ValueError(f"the tray of {part} has pits 1 to {self.pits}, not {pit}")
        across = (pit - 1) % self.pits_per_stop - (self.pits_per_stop - 1) / 2
        return Spot(self.stop(pit), round(across * self.pitch, 6), self.rows[part])

    def vial(self, number: int) -> Spot:
        """Return where a vial is (from 1).

        Raises:
            ValueError: There is no such place.
        """
        rack = self.vials
        if not 1 <= number <= rack.count:
            raise ValueError(f"the rack has places 1 to {rack.count}, not {number}")
        row, column = divmod(number - 1, rack.columns)
        return Spot(
            rack.first.rail,
            round(rack.first.x + column * rack.pitch, 6),
            round(rack.first.y - row * rack.row_pitch, 6),
        )

    @property
    def digest(self) -> str:
        """sha256 of the layout: which one a record was made with."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load_layout(path: str) -> TrayLayout:
    """Return the layout of a YAML file; an empty path: the default one.

    Raises:
        ConfigurationError: The file is not readable, or is no layout; the field is named.
    """
    file = Path(path) if path else _DEFAULT
    try:
        return TrayLayout.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the tray layout: {error}", where=str(file)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "layout"
        raise ConfigurationError(
            f"{field}: {first['msg']}",
            where=str(file),
            remedy="nodes/autobass/layout.yaml shows what belongs into it",
        ) from None
