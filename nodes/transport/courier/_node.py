"""The node that does as a person would in the chat, and carries nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from labmesh import Level, Node
from labmesh.instrument import Pace
from labmesh.security import check_private
from messages.envelope import validate
from messages.errors import ConfigurationError, LabmeshError, NotReadyError
from messages.ids import NodeId
from messages.logistics import ChatAddress, JobState, TransportJob
from nodes.transport._client import ChatClient, ChatError
from nodes.transport._people import token_file
from nodes.transport.courier._parameters import CourierParameters
from nodes.transport.courier._plan import Plan

_AGAIN: Final = 0.2
"""Wall seconds before it comes back to a chat that has ended."""

_LOOK: Final = 0.5
"""Wall seconds between two looks at the list, should a note have been missed."""


class CourierNode(Node[CourierParameters]):
    """A simulated person: takes transports, walks, reads codes, delivers; one at a time."""

    Parameters = CourierParameters
    _task: asyncio.Task[None] | None = None

    async def on_configure(self) -> None:
        """Find out where its token should be."""
        p = self.parameters
        folder = self.data_dir.parent / p.transport
        self._token = Path(p.token_file) if p.token_file else token_file(folder, p.person)
        self._transport = NodeId(self.id.site, p.transport)
        self._news = asyncio.Event()
        self._pace = Pace(
            self.clock, lambda: self.parameters.max_sim_rate, self._ask_clock, self.log.warn
        )

    async def on_activate(self) -> None:
        """Go to work."""
        self._task = self.spawn(self._work(), name="courier")

    async def on_deactivate(self) -> None:
        """Stand still; what it has taken stays its own."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _work(self) -> None:
        while True:
            try:
                await self._shift()
            except LabmeshError as error:
                self.diagnose("courier", Level.WARN, f"not at work: {error}", remedy=error.remedy)
            await asyncio.sleep(_AGAIN)

    async def _shift(self) -> None:
        """Work for as long as the chat lasts."""
        answer = await self.call(self._transport, "transport.chat", timeout=1.0)
        address = validate(ChatAddress, answer, where="transport.chat")
        if address.tls:
            raise ConfigurationError("a simulated courier speaks no TLS", where=str(self.id))
        pin = await self.in_thread(self._read_token)
        async with ChatClient(address.host, address.port, on_note=self._hear) as chat:
            await chat.hello(self.parameters.person, pin)
            self.diagnose("courier", Level.OK, "at work; it is simulated and carries nothing")
            while True:
                self._news.clear()
                jobs = (await chat.ask("list")).jobs
                mine = [job for job in jobs if job.carrier == self.parameters.person]
                free = [job for job in jobs if job.state is JobState.OPEN]
                given = [job for job in jobs if job.offered_to == self.parameters.person]
                for job in (mine + given + free)[:1]:
                    await self._serve(chat, job)
                if not mine + given + free:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await self._news.wait()

    async def _serve(self, chat: ChatClient, job: TransportJob) -> None:
        self._pace.begin()
        try:
            await self._pace.ready()
            await self._carry(chat, job)
        except ChatError as error:
            # Somebody was faster, or it was cancelled meanwhile: the list says what is next.
            self.log.info(f"job {job.number}: {error}")
            await asyncio.sleep(0.05)
        finally:
            self._pace.end()

    async def _carry(self, chat: ChatClient, job: TransportJob) -> None:
        plan = Plan(self.parameters, job.request)
        if job.state is JobState.RECALLED and job.carrier == self.parameters.person:
            await self.clock.sleep(plan.walk("back"))
            await chat.ask(f"return {job.number}")
            return
        if job.carrier != self.parameters.person:
            job = (await chat.ask(f"take {job.number}")).job or job
        if job.state is JobState.TAKEN:
            await self.clock.sleep(plan.walk("to the origin") + plan.dawdles)
            if plan.finds_problem:
                await chat.ask(f"problem {job.number}; simulated: the door is locked")
                return
            for sample in job.samples:
                if sample not in job.codes:
                    await self._read(chat, job, sample, plan)
        await self.clock.sleep(plan.walk("to the destination"))
        await chat.ask(f"done {job.number}; {job.destination.text}")

    async def _read(self, chat: ChatClient, job: TransportJob, sample: str, plan: Plan) -> None:
        await self.clock.sleep(self.parameters.handle)
        if plan.misreads(sample):
            with suppress(ChatError):
                await chat.ask(f"pick {job.number} simulated-wrong-sample")
            await self.clock.sleep(self.parameters.handle)
        await chat.ask(f"pick {job.number} {sample}")

    def _hear(self, text: str | None, values: dict[str, Any]) -> None:
        self._news.set()

    def _read_token(self) -> str:
        check_private(self._token, "the courier's token")
        return self._token.read_text(encoding="utf-8").strip()

    async def _ask_clock(self, service: str, arguments: dict[str, Any]) -> dict[str, Any]:
        clock = self.options.place.clock
        if clock is None:
            raise NotReadyError("this node follows no clock node", where=str(self.id))
        return await self.call(clock, service, arguments)
