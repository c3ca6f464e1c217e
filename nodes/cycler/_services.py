"""What the services of the cycler node take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.model import Count, Flag, Model, Positive, Real, Text, Unit
from messages.protocol import CyclingProtocol


class ChannelInput(Model):
    """One channel."""

    channel: Positive = Field(description="from 1")


class ChannelView(Model):
    """A channel and what it is for."""

    channel: Positive
    state: Text = Field(description="idle, running, paused, finished, stopped, tripped or fault")
    usable: Flag = Field(description="whether a test may begin on it now")
    test: Text = ""
    cell: Text = Field(default="", description="sample in it")
    request: Text = Field(default="", description="for which it runs")
    reservation: Text = Field(default="", description="that keeps it")
    voltage: Annotated[Real, Unit("V")] | None = None
    current: Annotated[Real, Unit("A")] | None = None
    temperature: Annotated[Real, Unit("K")] | None = None
    test_time: Annotated[Real, Unit("s")] | None = None
    step: Count | None = None
    cycle: Count | None = None
    words: Text = Field(default="", description="why it is as it is")


class ChannelList(Model):
    """All channels."""

    channels: tuple[ChannelView, ...]


class ReservationView(Model):
    """Channels that are kept for somebody."""

    id: Text
    owner: Text
    channels: tuple[Positive, ...]
    expires: Count = Field(description="wall time, ns UTC")


class ReservationList(Model):
    """All reservations that stand."""

    reservations: tuple[ReservationView, ...]


class ReservationInput(Model):
    """One reservation."""

    id: Text


class Released(Model):
    """Whether there was such a reservation."""

    released: Flag


class ProtocolList(Model):
    """Names of the protocols that a request may name."""

    protocols: tuple[Text, ...]


class ProtocolInput(Model):
    """A protocol, as a request would name it."""

    name: Text
    formation_cycles: Positive | None = None
    number_cycles: Count = 0
    capacity: Annotated[Real, Unit("A.h"), Field(gt=0)] | None = None


class ProtocolView(Model):
    """The method that would run."""

    name: Text
    formation: Count = Field(description="cycles of formation")
    cycles: Count = Field(description="all cycles")
    protocol: CyclingProtocol


class FaultInput(Model):
    """A fault of a virtual cycler."""

    kind: Text
    channel: Positive | None = Field(default=None, description="without it, all")
    amount: Real = Field(default=0.0, description="kelvin, or seconds of a clock jump")
    seconds: Annotated[Real, Unit("s"), Field(ge=0)] = Field(
        default=0.0, description="how long it lasts, mesh time"
    )
