"""The assembly of coin cells, step by step: what an assembly robot records beside its result.

The whole trail of a batch is an artifact of its result (`AssemblyTrail` as JSON), because the
steps of 64 cells do not fit into a message.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from messages.ledger import SampleId
from messages.model import Count, Flag, JsonObject, Model, Real, Text, Unit, Uuid

Part = Literal[
    "anode_case",
    "anode_spacer",
    "anode",
    "separator",
    "cathode",
    "cathode_spacer",
    "spring",
    "cathode_case",
]
"""A part of a coin cell (CR2032), in the order in which they are stacked."""

StepKind = Literal[
    "allocate",
    "prepare",
    "wash",
    "pick",
    "place",
    "aspirate",
    "dispense",
    "align",
    "press",
    "load",
    "crimp",
    "retrieve",
    "store",
    "stand_by",
]
"""What a step of an assembly does."""

StepOutcome = Literal["done", "by_hand", "failed", "in_doubt"]
"""How a step ended: by the instrument, by a person's word after a crash, with an error, or nobody
knows (the process died in it, and the cell was given up)."""

Metre = Annotated[Real, Unit("m")]


class Offset(Model):
    """How far a part lies from where it should, seen in the plane of the tray or of the post."""

    x: Metre
    y: Metre
    source: Text = Field(description="the camera and its method, or that it is simulated")


class AssemblyStep(Model):
    """One step as it was done."""

    key: Text = Field(description="cell03/dispense1: stable, so that a resumed batch knows it")
    kind: StepKind
    cell: Count | None = Field(default=None, description="number in the batch, from 1")
    part: Part | None = None
    outcome: StepOutcome
    begun: AwareDatetime
    ended: AwareDatetime | None = None
    lot: Text = Field(default="", description="of the part, or the electrolyte's sample")
    position: Text = Field(default="", description="tray and pit, vial, post, crimper")
    offset: Offset | None = Field(default=None, description="of the part that was picked or placed")
    volume_asked: Annotated[Real, Unit("m3")] | None = None
    volume: Annotated[Real, Unit("m3")] | None = Field(
        default=None, description="as the dispenser counted it, corrected by its calibration"
    )
    oxygen: Annotated[Real, Unit("1")] | None = Field(
        default=None, description="mole fraction in the glovebox when the step began"
    )
    water: Annotated[Real, Unit("1")] | None = Field(default=None, description="likewise")
    temperature: Annotated[Real, Unit("K")] | None = Field(default=None, description="likewise")
    details: JsonObject = Field(default_factory=dict, description="what else the device said")


class CellTrail(Model):
    """What became of one cell."""

    cell: Count
    sample: SampleId
    label: Text = Field(description="assembled, scrapped")
    reason: Text = Field(default="", description="of its rating, or why it was scrapped")


class AssemblyTrail(Model):
    """Every step of a batch, in the order in which they began."""

    request: Uuid
    batch_id: Text
    electrolyte: SampleId
    simulated: Flag
    dry_run: Flag = Field(description="true: validated and recorded, no device was told anything")
    layout: Text = Field(default="", description="sha256 of the tray layout that was used")
    calibrations: JsonObject = Field(default_factory=dict, description="by what they calibrate")
    cells: tuple[CellTrail, ...] = ()
    steps: tuple[AssemblyStep, ...] = ()
