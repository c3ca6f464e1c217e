"""A press for coin cells: parameters, lifecycle, an action that may refuse to stop, diagnostics."""

import asyncio
import sys

from labmesh import LabmeshError, Level, Node, NodeParameters, Order, capability, connect, parameter
from messages.model import Model, Real


class PressParameters(NodeParameters):
    """Parameters of the press."""

    port: str = parameter("/dev/ttyUSB0", description="serial port", effect="configure")
    force: float = parameter(2000.0, gt=0, le=8000, unit="N", description="force on a cell")
    hold: float = parameter(3.0, ge=0, unit="s", description="how long it is held")
    serial: str = parameter("CR-17", description="of the hardware", read_only=True)


class Crimp(Model):
    """What to do: how many strokes."""

    strokes: int = 1


class Crimped(Model):
    """What was done: the highest force seen, in N."""

    force: Real


class Press(Node[PressParameters]):
    """Crimps coin cells (simulated)."""

    Parameters = PressParameters

    async def on_configure(self) -> None:
        """Open the port."""
        if self.parameters.port == "none":
            raise LabmeshError("no press is connected", remedy="set port, then configure")

    async def on_parameters(self, before: PressParameters, after: PressParameters) -> None:
        """Take over what was changed; the whole change is undone if this refuses."""
        if after.force > 5000 and after.hold > 10:
            raise LabmeshError("so much force for so long bends the die")

    async def on_error(self, error: Exception) -> None:
        """Bring the ram up, whatever has happened."""
        self.log.warn("ram is up", after=type(error).__name__)

    @capability("crimping", "press", worker="instrument", resource="ram", simulated=True)
    async def crimp(self, order: Order[Crimp]) -> Crimped:
        """Crimp a cell."""
        for stroke in range(order.parameters.strokes):
            await order.feedback(stroke / order.parameters.strokes, f"stroke {stroke + 1}")
            with order.uninterruptible("the ram is down"):
                await asyncio.sleep(self.parameters.hold)
            self.diagnose("ram", Level.OK, "moves freely", stale_after=3600, strokes=stroke + 1)
        return Crimped(force=self.parameters.force)


async def main() -> None:
    """Crimp a cell, and change one's mind."""
    async with connect(name="bench") as lab:
        goal = await lab.submit(
            "crimping", "press", {"strokes": 3},
            on_feedback=lambda word: print(f"{word.fraction:.0%} {word.text}"),
            timeout=10,
        )  # fmt: skip
        await asyncio.sleep(1)
        answer = await goal.cancel("wrong cell", timeout=30)
        print(answer.code.name, answer.reason)
        await goal.done(timeout=60)
        print(goal.goal_status.name)
        later = await lab.goal(goal.id)
        print(later.status.value)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
