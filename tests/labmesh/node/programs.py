"""Small nodes that the tests run, in this process and as processes of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import Field

from labmesh import (
    LabmeshError,
    NoArguments,
    Node,
    NodeParameters,
    Order,
    OrderError,
    capability,
    service,
)
from messages.model import Count, Model, Real, Text


class Words(Model):
    """Parameters of the capabilities below."""

    text: Text = ""
    seconds: Real = 0.0


class Said(Model):
    """What they return."""

    text: Text
    times: Count


class EchoParameters(NodeParameters):
    """Parameters of the echo node."""

    times: int = Field(default=1, ge=1, le=9, description="how often it says it")
    refuse: bool = Field(default=False, description="refuse to be configured")
    diary: str = Field(default="", description="file that each begun act is written to")


class EchoNode(Node[EchoParameters]):
    """Says what it is told."""

    Parameters = EchoParameters

    async def on_configure(self) -> None:
        """Refuse where told to."""
        if self.parameters.refuse:
            raise LabmeshError("the echo is broken", where="wall", remedy="mend the wall")

    async def on_parameters(self, before: EchoParameters, after: EchoParameters) -> None:
        """Refuse one particular change, to show that all of it is undone."""
        if after.times == 7:
            raise LabmeshError("seven is unlucky")

    @capability("speech", "echo", slots=4)
    async def echo(self, order: Order[Words]) -> Said:
        """Say it back."""
        await asyncio.sleep(order.parameters.seconds)
        if order.parameters.text == "crash":
            raise ZeroDivisionError("oh")
        if order.parameters.text == "give up":
            raise OrderError("cannot say that", remedy="say something else")
        order.rate(success=True, rating=5, reason="loud")
        order.note(heard=order.parameters.text)
        return Said(text=order.parameters.text, times=self.parameters.times)

    @capability("speech", "megaphone", worker="instrument", resource="air", lease=1.5)
    async def megaphone(self, order: Order[Words]) -> Said:
        """Say it loudly; an act that must not be repeated."""
        if self.parameters.diary:
            with Path(self.parameters.diary).open("a", encoding="utf-8") as diary:
                diary.write(f"{order.request} {order.parameters.text}\n")
        if order.parameters.text == "crash":
            raise ZeroDivisionError("oh")
        for _ in range(10):
            await asyncio.sleep(order.parameters.seconds / 10)
            await order.feedback(0.5, "speaking")
        return Said(text=order.parameters.text.upper(), times=1)

    @service("echo.twice")
    async def twice(self, arguments: Words) -> Said:
        """Say it twice."""
        return Said(text=arguments.text * 2, times=2)

    @service("echo.fail")
    async def fail(self, arguments: NoArguments) -> Said:
        """Fail in a way nobody foresaw."""
        raise ZeroDivisionError("by nothing")
