"""How long a FINALES 2 server takes: requests accepted, and request to result with a tenant."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.finales_client import Finales, ServerFaultError, Work
from messages.errors import LabmeshError

LOOK: float = 0.05
"""Seconds between a requester's looks for its result, where its tenant pauses between polls."""

WHY = "labmesh compare_finales benchmark"


@dataclass(slots=True)
class Visit:
    """What this run does on the server, and undoes.

    Attributes:
        finales: The server.
        work: What is requested.
        seconds: Limit of each measurement.
        most: Requests each measurement posts at most.
        faults: 5xx answers so far to what was measured.
    """

    finales: Finales
    work: Work
    seconds: float
    most: int
    faults: int = 0
    _open: set[str] = field(default_factory=set)

    async def accepted(self, requesters: int) -> float:
        """Return how many a second are answered 200, one request in flight for each requester.

        All are retracted afterwards.

        Raises:
            LabmeshError: Refused, or nothing but 5xx.
        """
        end_at = time.monotonic() + self.seconds
        left, count = self.most, 0
        reason: ServerFaultError | None = None

        async def ask() -> None:
            nonlocal left, count, reason
            while left > 0 and time.monotonic() < end_at:
                left -= 1
                try:
                    await self._post()
                    count += 1
                except ServerFaultError as error:
                    self.faults, reason = self.faults + 1, error

        begun = time.monotonic()
        await asyncio.gather(*(ask() for _ in range(requesters)))
        took = time.monotonic() - begun
        await self.retract()
        if reason is not None and not count:
            raise reason
        return count / took

    async def trips(self, pause: float, *, as_shipped: bool = False) -> list[float]:
        """Return the milliseconds from request to result, one at a time, at least 3 of them.

        Args:
            pause: Seconds the tenant sleeps before each poll. Each request then comes at a random
                moment of that pause, and its requester looks every `LOOK` seconds; without a pause
                both ask again at once.
            as_shipped: The tenant logs in before every call and fetches the pending requests of
                all methods, as the reference tenant does; else it keeps its token and filters.
        """
        times: list[float] = []
        tried = 0
        mine: set[str] = set()
        serving = asyncio.create_task(self._serve(mine, pause, as_shipped=as_shipped))
        try:
            end_at = time.monotonic() + self.seconds
            while tried < self.most and (len(times) < 3 or time.monotonic() < end_at):
                tried += 1
                await asyncio.sleep(random.uniform(0, pause))
                try:
                    times.append(await self._trip(mine, LOOK if pause else 0, serving))
                except ServerFaultError:
                    self.faults += 1
                    if tried == self.most and not times:
                        raise
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, LabmeshError):
                await serving
        return times

    async def retract(self) -> None:
        """Retract what this run posted and nobody resolved."""
        for request in tuple(self._open):
            await self.finales.set_status(request, "retracted", WHY)
            self._open.discard(request)

    async def clean_up(self) -> list[str]:
        """Retract as `retract`, and whatever pending request bears the benchmark's tenant uuid.

        A server that answers 5xx may have kept the request, or its result, which is then marked as
        deleted. Return the uuids that still stand.
        """
        with suppress(LabmeshError):
            listed = await self.finales.pending(self.work)
            self._open |= {each["uuid"] for each in listed if self.finales.posted(each)}
        for request in tuple(self._open):
            with suppress(LabmeshError):
                found = await self.finales.result_of(request)
                if found is None:
                    await self.finales.set_status(request, "retracted", WHY)
                else:
                    await self.finales.delete_result(found["uuid"], WHY)
                self._open.discard(request)
        return sorted(self._open)

    async def _post(self) -> str:
        request = await self.finales.post_request(self.work)
        self._open.add(request)
        return request

    async def _trip(self, mine: set[str], look: float, serving: asyncio.Task[None]) -> float:
        begun = time.perf_counter()
        request = await self._post()
        mine.add(request)
        while (found := await self.finales.result_of(request)) is None:
            if serving.done():
                await serving
            if request not in mine:
                raise ServerFaultError("the server answered 5xx to its tenant")
            await asyncio.sleep(look)
        took = (time.perf_counter() - begun) * 1000
        self._open.discard(request)
        mine.discard(request)
        # Not measured.
        await self.finales.delete_result(found["uuid"], WHY)
        return took

    async def _serve(self, mine: set[str], pause: float, *, as_shipped: bool) -> None:
        """Be the tenant: poll, reserve, do nothing, post the result; of our requests only."""

        async def log_in(times: int) -> None:
            for _ in range(times if as_shipped else 0):
                await self.finales.login()

        while True:
            await asyncio.sleep(pause)
            with suppress(ServerFaultError):
                # The reference tenant's _update_queue and _get_pending_requests both log in.
                await log_in(2)
                listed = await self.finales.pending(None if as_shipped else self.work)
                for request in [each["uuid"] for each in listed if each["uuid"] in mine]:
                    try:
                        # Its _run_method and _change_status both log in, _post_result once.
                        await log_in(2)
                        await self.finales.set_status(request, "reserved", WHY)
                        await log_in(1)
                        await self.finales.post_result(self.work, request)
                    except ServerFaultError:
                        mine.discard(request)
                        raise
