"""The news of a request: complete, in order, each once."""

from __future__ import annotations

from typing import Any

import pytest

from labmesh.cli import _watch
from labmesh.cli._watch import Change, Feedback, Watch
from messages.envelope import Header
from messages.ids import NodeId, new_id
from messages.ledger import Entry, EntryKind, Progress, ProgressKind, Status
from messages.model import JsonObject
from messages.topics import Topic

REQUEST = new_id()
TOPIC = Topic("lab1", NodeId("kit", "bench"), "progress", NodeId("kit", "broker"), (str(REQUEST),))
HEADER = Header("x@1", "", REQUEST, 0, "kit/bench", 0, 0)


class Log:
    """A ledger that knows one request's history."""

    def __init__(self, *statuses: str) -> None:
        self.lines = [line(offset, status) for offset, status in enumerate(statuses)]
        self.asked = 0

    async def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Answer ``query.request``."""
        assert (service, arguments) == ("query.request", {"id": str(REQUEST)})
        self.asked += 1
        return {"log": self.lines}


def line(offset: int, status: str) -> dict[str, Any]:
    return {"offset": offset, "stamp": 1, "load_time": 1, "after": status, "message": ""}


def entry(offset: int, status: str, request: object = REQUEST) -> Entry:
    return Entry(
        offset=offset, uuid=new_id(), kind=EntryKind.STATUS, stamp=1, load_time=1,
        author="kit/broker", type="StatusChange@1", schema_hash="", prev_hash=b"", hash=b"",
        body={"request": str(request), "after": status, "message": ""},
    )  # fmt: skip


async def test_what_comes_both_ways_is_told_once_and_in_order() -> None:
    watch = Watch(Log("pending", "reserved"), REQUEST)
    watch.take_entry(entry(1, "reserved"), HEADER, TOPIC)
    await watch.look()
    watch.take_entry(entry(2, "running"), HEADER, TOPIC)
    watch.take_entry(entry(3, "resolved", new_id()), HEADER, TOPIC)
    watch.take_entry(entry(4, "resolved"), HEADER, TOPIC)
    told = [event.line["offset"] async for event in watch.events() if isinstance(event, Change)]
    assert told == [0, 1, 2, 4]


async def test_feedback_is_told_and_other_words_are_not() -> None:
    watch = Watch(Log(), REQUEST)
    for kind in ProgressKind:
        progress = Progress(request=REQUEST, token=1, kind=kind, fraction=0.5, text="half")
        watch.take_progress(progress, HEADER, TOPIC)
    watch.take_entry(entry(4, "failed"), HEADER, TOPIC)
    events = [event async for event in watch.events()]
    assert events[0] == Feedback("kit/bench", 0.5, "half")
    assert str(events[0]) == "50% half"
    assert isinstance(events[1], Change)
    assert events[1].after is Status.FAILED
    assert len(events) == 2


async def test_a_missed_end_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_LOOK_AGAIN", 0.01)
    log = Log("pending", "retracted")
    events = [event async for event in Watch(log, REQUEST).events()]
    assert [event.after for event in events if isinstance(event, Change)] == [
        Status.PENDING, Status.RETRACTED,
    ]  # fmt: skip
    assert log.asked == 1
