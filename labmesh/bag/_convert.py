"""A bag made of others: another encoding, a part of it, or one topic's fields as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmesh.bag._reader import Bag
from labmesh.bag._record import BagMessage
from labmesh.bag._select import Selection
from labmesh.bag._types import TypeSchemas
from labmesh.bag._writer import BagWriter, Writing
from messages.array import DTYPES
from messages.errors import BagError, DecodeError


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a recording that is meant.

    Attributes:
        start: Seconds of receipt that are left out at the beginning.
        duration: Seconds that are kept, None for all.
        topics: Which topics, None for all.
    """

    start: float = 0.0
    duration: float | None = None
    topics: Selection | None = None

    def of(self, bags: Sequence[Bag]) -> Iterator[BagMessage]:
        """Yield the messages of a recording's pieces that are in it."""
        first = next((m for bag in bags for m in bag.messages()), None)
        if first is None:
            return
        begin = first.log_time + round(self.start * 1e9)
        end = None if self.duration is None else begin + round(self.duration * 1e9)
        for bag in bags:
            for message in bag.messages(begin if self.start else None, end):
                if self.topics is None or self.topics.wants(message.channel.topic):
                    yield message


def convert(bags: Sequence[Bag], to: Path, writing: Writing, cut: Cut) -> tuple[int, int]:
    """Write a whole new bag; return how many messages it has and how many could not be taken.

    Schemas and metadata are kept. A recording that was cut off becomes a whole one.

    Raises:
        ConfigurationError: The new file exists.
        BagError: It cannot be written.
    """
    about = {**bags[0].about, "converted_from": ", ".join(bag.path.name for bag in bags)}
    if cut.topics is not None:
        about["selection"] = "part"
    schemas = TypeSchemas()
    writer = BagWriter(to, writing, about, schemas)
    bad = 0
    try:
        for bag in bags:
            for _ in bag.messages():
                pass
            schemas.add(bag.schemas)
        for message in cut.of(bags):
            try:
                writer.copy(message)
            except DecodeError:
                bad += 1
            writer.drain()
    except BaseException:
        writer.abandon()
        raise
    writer.close({"reason": "converted"})
    return writer.messages, bad


def table(bags: Sequence[Bag], cut: Cut, fields: Sequence[str]) -> Iterator[list[Any]]:
    """Yield a table of one topic's fields: the names, then a row a message.

    The first two columns are ``log_time`` and ``stamp`` (ns UTC). A field is a dotted path into the
    body; none means all that hold a number, a text or a flag, in the order of the first message. An
    array of numbers gives one column an element.

    Raises:
        BagError: No message has such a field.
    """
    names: list[str] | None = None
    for message in cut.of(bags):
        try:
            raw = message.envelope()
        except DecodeError:
            continue
        if raw is None:
            continue
        values = dict(_leaves(raw.body))
        if names is None:
            names = _chosen(values, fields)
            yield ["log_time", "stamp", *names]
        yield [message.log_time, raw.header.stamp, *(values.get(name) for name in names)]
    if names is None:
        raise BagError("there is no message of ours on that topic", where=str(bags[0].path))


def _chosen(values: dict[str, Any], fields: Sequence[str]) -> list[str]:
    if not fields:
        return list(values)
    names = []
    for field in fields:
        found = [name for name in values if name == field or name.startswith(f"{field}.")]
        if not found:
            raise BagError(f"no field {field!r}", remedy=f"there are {', '.join(values)}")
        names += found
    return names


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "data"} and isinstance(value["data"], bytes):
            value = _numbers(value)
        else:
            for key, item in value.items():
                yield from _leaves(item, f"{path}.{key}" if path else str(key))
            return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}.{index}")
    else:
        yield path, value.hex() if isinstance(value, bytes) else value


def _numbers(array: dict[str, Any]) -> Any:
    import numpy as np  # noqa: PLC0415 - most tables have no arrays

    if array["dtype"] not in DTYPES:
        return array["data"]
    try:
        return np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"]).tolist()
    except (TypeError, ValueError):
        return array["data"]
