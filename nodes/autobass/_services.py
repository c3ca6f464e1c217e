"""What the services of the assembly robot take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.assembly import Part
from messages.model import Count, Flag, Model, Real, Text, Unit, Uuid


class CellStatus(Model):
    """How far one cell is."""

    cell: Count
    sample: Text
    label: Text = Field(description="assembled, scrapped, under way")
    parts: tuple[Part, ...] = Field(default=(), description="placed on the post")
    dispensed: Annotated[Real, Unit("m3")] = Field(default=0.0, description="electrolyte in it")
    electrolyte: Text = Field(default="", description="its sample")
    crimped: Flag = False
    in_doubt: tuple[Text, ...] = Field(
        default=(), description="steps of which nobody knows how they ended"
    )


class AssemblyStatus(Model):
    """What the robot has in hand, by its journal."""

    request: Uuid | None = Field(default=None, description="of the last batch")
    finished: Flag = Field(default=True, description="whether that batch has come to its end")
    on_post: Text = Field(default="", description="what lies on the post, in words")
    in_crimper: Text = Field(default="", description="what lies in the crimper, in words")
    cells: tuple[CellStatus, ...] = ()
    choices: tuple[Text, ...] = Field(default=(), description="what a person can do now")


class ScrapInput(Model):
    """Give a cell up. Its parts were taken off the post and out of the crimper by hand."""

    cell: Annotated[Count, Field(ge=1)] = Field(description="number in the batch, from 1")
    by: Annotated[Text, Field(min_length=1)] = Field(description="who has looked and removed it")
    reason: Text = Field(default="given up after a crash", description="why")
    request: Uuid | None = Field(default=None, description="without it, the last batch")


class ReportInput(Model):
    """Tell the ledger of the cells of a batch whose request has ended without a result."""

    by: Annotated[Text, Field(min_length=1)] = Field(description="who says so")
    request: Uuid | None = Field(default=None, description="without it, the last batch")


class ReportOutput(Model):
    """What the ledger was told."""

    result: Uuid | None = Field(default=None, description="of the ledger; None: no cell was begun")
    cells: tuple[Text, ...] = Field(default=(), description="their samples")


class ClearInput(Model):
    """Post and crimper were emptied by hand, and belong to no cell any more."""

    by: Annotated[Text, Field(min_length=1)] = Field(description="who has emptied them")
