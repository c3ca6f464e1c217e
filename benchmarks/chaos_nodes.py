"""The nodes of `chaos.py`. Each keeps a diary of what it did, to be held against the ledger."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from labmesh import Node, NodeParameters, Order, OrderError, RefusedError, capability
from labmesh.client import GoalStatus
from messages.errors import CallTimeoutError
from messages.ids import new_id
from messages.ledger import Result
from messages.model import Count, JsonObject, Model, Real

QUANTITY = "chaos"
METHODS = ("think", "act")
"""A model's and an instrument's."""


class Diary:
    """A file of JSON lines, each on the disk before the writer goes on."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, what: str, **fields: Any) -> None:
        """Add a line."""
        line = json.dumps({"what": what, "at": time.time_ns(), **fields}) + "\n"
        os.write(self._file, line.encode())
        os.fsync(self._file)


def read_diary(file: Path) -> list[JsonObject]:
    """Return the lines of a diary; none where there is no file."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


class Task(Model):
    """What to do."""

    number: Count
    seconds: Real = 0.0
    mood: Literal["well", "stumbling", "badly"] = "well"


class Done(Model):
    """What came of it."""

    number: Count


class WorkerParameters(NodeParameters):
    """Parameters of a worker."""

    diary: str = Field(default="", description="file that each begun act is written to")


class WorkerNode(Node[WorkerParameters]):
    """What models and instruments have in common."""

    Parameters = WorkerParameters

    async def on_configure(self) -> None:
        """Open the diary."""
        self._diary = Diary(Path(self.parameters.diary))

    async def work(self, order: Order[Task]) -> Done:
        """Note it down, take some time, fail where it is told to."""
        token = order._token  # noqa: SLF001 - what authors have no use for, a check has
        task = order.parameters
        self._diary.write("begun", request=str(order.request), token=token)
        for part in range(4):
            await order.feedback(part / 4)
            await asyncio.sleep(task.seconds / 4)
        if task.mood == "badly" or (task.mood == "stumbling" and order.attempt == 1):
            raise OrderError("told to fail", retryable=task.mood == "stumbling")
        self._diary.write("done", request=str(order.request), token=token)
        return Done(number=task.number)


class ModelNode(WorkerNode):
    """Computes."""

    @capability(QUANTITY, "think", slots=8, lease=3.0)
    async def think(self, order: Order[Task]) -> Done:
        """Think."""
        return await self.work(order)


class InstrumentNode(WorkerNode):
    """Moves things."""

    @capability(QUANTITY, "act", worker="instrument", resource="arm", slots=2, lease=3.0)
    async def act(self, order: Order[Task]) -> Done:
        """Act."""
        return await self.work(order)


class RequesterParameters(NodeParameters):
    """Parameters of a requester."""

    diary: str = Field(default="", description="file of submissions, receipts and ends")
    stop: str = Field(default="", description="no new requests once this file is there")
    window: int = Field(default=16, ge=1, description="requests at a time")
    pause: float = Field(default=0.05, ge=0, description="mean seconds between two requests")
    seed: int = Field(default=0, description="of the choice of requests")


class RequesterNode(Node[RequesterParameters]):
    """Asks and asks; after a restart it submits again whatever it does not know the end of."""

    Parameters = RequesterParameters

    async def on_configure(self) -> None:
        """Open the diary."""
        self._unfinished = unfinished(read_diary(Path(self.parameters.diary)))
        self._diary = Diary(Path(self.parameters.diary))
        self._places = asyncio.Semaphore(self.parameters.window)

    async def on_activate(self) -> None:
        """Take up what is not done, then go on."""
        for line in self._unfinished:
            self.spawn(self._follow(line), name=f"follow {line['id']}")
        self.spawn(self._ask(), name="ask")

    async def _ask(self) -> None:
        chance = random.Random(f"{self.parameters.seed} {time.time_ns()}")
        number = 0
        stop = Path(self.parameters.stop)
        while not stop.exists():  # noqa: ASYNC240 - a look at one file
            await self._places.acquire()
            number += 1
            line = {"id": str(new_id()), **choose(chance, number)}
            # Before it is submitted: from here on it must come to an end.
            self._diary.write("submitted", **line)
            self.spawn(self._follow(line, place=True), name=f"follow {line['id']}")
            if chance.random() < 0.05:
                self.spawn(self._post(number), name=f"post {number}")
            await asyncio.sleep(chance.expovariate(1 / (self.parameters.pause or 1e-6)))

    async def _post(self, number: int) -> None:
        identity = new_id()
        self._diary.write("posting", id=str(identity))
        result = Result(
            quantity=QUANTITY, method="think", parameters={}, outcome="resolved",
            data={"number": number},
        )  # fmt: skip
        with suppress(RefusedError):
            await self.lab.post_result(result, id=identity)
            self._diary.write("posted", id=str(identity))

    async def _follow(self, line: JsonObject, *, place: bool = False) -> None:
        identity = line["id"]
        try:
            handle = await self.lab.submit(
                QUANTITY, line["method"], line["parameters"],
                id=UUID(identity), wait=True, attempts=line["attempts"],
                priority=line["priority"], campaign=line["campaign"],
            )  # fmt: skip
            self._diary.write("receipt", id=identity, offset=handle.offset)
            if line["cancel"] is not None:
                await asyncio.sleep(line["cancel"])
                with suppress(CallTimeoutError):
                    answer = await handle.cancel("changed its mind")
                    # An instrument that is on its way to rest may still end otherwise.
                    if answer and handle.goal_status is GoalStatus.CANCELED:
                        self._diary.write("cancelled", id=identity)
            final = await handle.done()
            self._diary.write("ended", id=identity, status=final.after.value)
        except RefusedError as error:
            self._diary.write("refused", id=identity, reason=str(error))
        finally:
            if place:
                self._places.release()


def choose(chance: random.Random, number: int) -> JsonObject:
    """Return one request among many kinds."""
    method = "act" if chance.random() < 0.3 else "think"
    mood = chance.choices(("well", "stumbling", "badly"), (92, 5, 3))[0]
    return {
        "method": method,
        "parameters": {
            "number": number, "seconds": round(chance.uniform(0.0, 0.4), 3), "mood": mood
        },
        "attempts": chance.choice((1, 3, 3, 10)),
        "priority": chance.randint(0, 9),
        "campaign": chance.choice((None, "left", "right")),
        "cancel": round(chance.uniform(0.0, 0.6), 3) if chance.random() < 0.04 else None,
    }  # fmt: skip


def unfinished(lines: list[JsonObject]) -> list[JsonObject]:
    """Return what was submitted and has not ended."""
    ended = {line["id"] for line in lines if line["what"] in ("ended", "refused")}
    return [line for line in lines if line["what"] == "submitted" and line["id"] not in ended]
