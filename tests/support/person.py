"""Ada, who looks after a lab of simulated instruments: what docs/safety.md has a person do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from labmesh.client import LabClient, Visitor, connect, visit
from labmesh.listing import retained
from labmesh.place import Place
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.model import JsonObject
from messages.node import Lifecycle, State

NAME = "Ada"
_ROUND = 0.5
_CRIMPER = "1"


class Person:
    """Goes round the instruments: resolves steps in doubt, activates, resets, releases requests.

    She looks at the devices before she says how a step ended. What is neither out of a needle nor
    under the crimper she finishes by hand, and says that it is done.

    Args:
        lab: The ledger.
        visitor: Calls services.
        instruments: Names of the nodes in her care.

    Attributes:
        words: What she did, for the test's output.
    """

    def __init__(self, lab: LabClient, visitor: Visitor, instruments: Sequence[str]) -> None:
        self._lab, self._visitor = lab, visitor
        self._instruments = [NodeId(visitor.place.site, name) for name in instruments]
        self.words: list[str] = []

    async def care(self) -> None:
        """Go round for ever. Who does not answer is looked at in the next round."""
        while True:
            for instrument in self._instruments:
                await self._patiently(self._look_after(instrument))
            await self._patiently(self._release())
            await asyncio.sleep(_ROUND)

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (LabmeshError, TimeoutError) as error:
            if (words := f"not yet: {error}") not in self.words[-3:]:
                self.words.append(words)

    async def _look_after(self, instrument: NodeId) -> None:
        story = await self._call(instrument, "instrument.journal")
        for step in story["in_doubt"]:
            outcome = await self._how_it_ended(instrument, step)
            self.words.append(f"{instrument.node}: {step['key']} ({step['kind']}) is {outcome}")
            await self._call(
                instrument, "instrument.resolve", step=step["id"], outcome=outcome, by=NAME,
                words="looked at the device",
            )  # fmt: skip
        if story["condition"] == "fault" and not story["in_doubt"]:
            self.words.append(f"{instrument.node}: reset, {story['reason']}")
            if instrument.node == "autobass":
                await self._call(instrument, "assembly.clear", by=NAME)
            await self._call(instrument, "instrument.reset", acknowledged_by=NAME)
        if await self._state(instrument) is State.INACTIVE:
            self.words.append(f"{instrument.node}: activated")
            await self._call(instrument, "life.change", transition="activate")

    async def _how_it_ended(self, instrument: NodeId, step: JsonObject) -> str:
        kind, begun = step["kind"], step["begun"]
        if kind in ("dispense", "wash"):
            seen = await self._call(NodeId(instrument.site, "sim-ml600"), "sim.look")
            return "done" if (seen["last_given"] or 0) >= begun else "not_done"
        if kind == "crimp":
            seen = await self._call(NodeId(instrument.site, "sim-relays"), "sim.look")
            return "done" if (seen[_CRIMPER]["last_on"] or 0) >= begun else "not_done"
        if kind == "start_test":
            seen = await self._call(instrument, "channel.list")
            tests = {channel["test"] for channel in seen["channels"]}
            return "done" if step["intent"]["test"] in tests else "not_done"
        if kind in ("aspirate", "stand_by") or instrument.node == "asab":
            return "not_done"
        return "done"

    async def _release(self) -> None:
        async for request in self._lab.requests(status=["held"]):
            worker = NodeId.parse(request.worker) if request.worker else None
            if worker in self._instruments and await self._state(worker) is not State.ACTIVE:
                continue
            self.words.append(f"released {request.quantity}/{request.method}: {request.message}")
            await self._lab.decide(request.id, "release", person=NAME, reason="looked at it")

    async def _state(self, node: NodeId) -> State | None:
        mesh = self._visitor.mesh
        found = await retained(mesh, mesh.topics.of(node, "node", "life"), Lifecycle)
        return found[0][1].state if found else None

    async def _call(self, node: NodeId, service: str, **arguments: Any) -> JsonObject:
        return await self._visitor.caller.call(node, service, arguments, timeout=5)


@asynccontextmanager
async def caring(place: Place, instruments: Sequence[str]) -> AsyncIterator[Person]:
    """Have a person look after the instruments for as long as the block runs."""
    async with (
        connect(mqtt=place.mqtt, site=place.site, name="ada") as lab,
        visit(place, "ada") as visitor,
    ):
        person = Person(lab, visitor, instruments)
        task = asyncio.create_task(person.care(), name="Ada")
        try:
            yield person
        finally:
            task.cancel()
            await asyncio.wait({task})
