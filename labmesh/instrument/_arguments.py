"""Arguments of the services that every instrument has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from messages.model import Count, JsonObject, Model, Positive, Real, Text, Unit, Uuid

Person = Annotated[Text, Field(min_length=1, description="the name of the person who says so")]


class Reset(Model):
    """Arguments of ``instrument.reset``."""

    acknowledged_by: Person
    reason: Text = Field(default="", description="what was found and done")


class Pause(Model):
    """Arguments of ``instrument.pause`` and ``instrument.resume``."""

    by: Person
    reason: Text = ""


class JournalQuery(Model):
    """Arguments of ``instrument.journal``."""

    request: Uuid | None = Field(default=None, description="steps of this request only")
    limit: Annotated[int, Field(strict=True, ge=1, le=500)] = 50


class Resolve(Model):
    """Arguments of ``instrument.resolve``."""

    step: Positive = Field(description="number of the step in doubt")
    outcome: Literal["done", "not_done"] = Field(description="as seen at the instrument")
    by: Person
    words: Text = Field(default="", description="what was seen")
    result: JsonObject = Field(default_factory=dict, description="what the step would have noted")


class RecordCalibration(Model):
    """Arguments of ``calibration.record``."""

    calibration: Text = Field(description="device/quantity")
    who: Person
    method: Text
    result: JsonObject = Field(description="what was found; SI")
    valid_for: Annotated[Real, Unit("s"), Field(gt=0)] | None = Field(
        default=None, description="from now on; None: until there is another"
    )


class CalibrationQuery(Model):
    """Arguments of ``calibration.list``."""

    calibration: Text = Field(default="", description="device/quantity; empty: all")
    history: bool = Field(default=False, description="former ones, too")


class Refill(Model):
    """Arguments of ``supplies.refill``."""

    name: Text
    by: Person
    amount: Annotated[Real, Field(ge=0)] | None = Field(
        default=None, description="what is in it now; None: full (waste: empty)"
    )
    lot: Text = ""
    sample: Text = Field(default="", description="id of the new content in the ledger")


class SupplyQuery(Model):
    """Arguments of ``supplies.list``."""

    movements: Annotated[Count, Field(le=200)] = Field(
        default=0, description="so many of the last bookings, too"
    )
