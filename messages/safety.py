"""The emergency stop, and how an instrument is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from messages.model import Flag, Message, Nanoseconds, Text, Uuid


class EmergencyStop(Message, name="EmergencyStop", version=1):
    """Stop at once. Retained until somebody lifts it: whoever starts meanwhile does not move.

    Its id is that of its envelope; an instrument that a person has reset no longer heeds that id.
    """

    reason: Text = Field(description="what happened, in words")
    by: Text = Field(default="", description="the person who pressed, where an account has several")


class Condition(StrEnum):
    """How an instrument is."""

    OFF = "off"
    IDLE = "idle"
    BUSY = "busy"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAULT = "fault"


class InstrumentCondition(Message, name="InstrumentCondition", version=1):
    """How an instrument is, on ``~/data/condition`` whenever it changes."""

    condition: Condition = Field(
        description="off: not active; stopped: by an emergency stop; fault: it is not to be trusted"
    )
    since: Nanoseconds
    reason: Text = Field(default="", description="why, for the operator")
    stop: Uuid | None = Field(default=None, description="id of the emergency stop that is engaged")
    in_hand: Annotated[tuple[Text, ...], Field(max_length=64)] = Field(
        default=(), description="orders and steps that were under way"
    )
    dry_run: Flag = Field(default=False, description="no byte is sent to any device")
