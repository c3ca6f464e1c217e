"""Reading bags, whole or cut off: whatever can be read is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import error as StructError  # noqa: N812
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, McapRecord, Message, Metadata, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.writer import MCAP0_MAGIC

from labmesh.bag._chunk import LARGEST, unpacked
from labmesh.bag._record import BagChannel, BagMessage
from labmesh.bag._writer import ABOUT, ENDED, SCHEMA
from messages.errors import ConfigurationError


class Bag:
    """A bag to read from.

    Args:
        path: An MCAP file, of ours or of another program.

    Attributes:
        path: As given.
        size: Bytes of the file.
        whole: Its end is there: whoever wrote it closed it.
        damaged: Chunks that could not be read and were left out, as far as it was read.
        about: What the recorder said of itself; filled as the file is read, its beginning at once.
        ended: How the recording ended; filled when the file has been read.

    Raises:
        ConfigurationError: There is no such file, or it is no MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self.about: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self._schemas: dict[tuple[str, str], dict[str, Any]] = {}
        try:
            with path.open("rb") as file:
                head = file.read(len(MCAP0_MAGIC))
                self.size = file.seek(0, os.SEEK_END)
                file.seek(max(self.size - len(MCAP0_MAGIC), 0))
                tail = file.read()
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read: {error.strerror}", where=str(path), remedy="check the path"
            ) from None
        if head != MCAP0_MAGIC:
            raise ConfigurationError(
                "is no MCAP file", where=str(path), remedy="bags are what `labmesh bag record` made"
            )
        self.whole = tail == MCAP0_MAGIC and self.size > 2 * len(MCAP0_MAGIC)
        for record in self._records():
            if isinstance(record, Metadata | Chunk):
                self._note(record)
                break

    @property
    def schemas(self) -> dict[tuple[str, str], dict[str, Any]]:
        """JSON Schemas by type and hash, as far as the file has been read."""
        return self._schemas

    def messages(self, begin: int | None = None, end: int | None = None) -> Iterator[BagMessage]:
        """Yield the messages received from ``begin`` up to and without ``end`` (ns), in file order.

        Where the file breaks off this ends; a damaged chunk is left out and counted.
        """
        self.damaged = 0
        channels: dict[int, BagChannel] = {}
        schemas: dict[int, Schema] = {}
        for outer in self._records():
            for record in self._inside(outer):
                if isinstance(record, Message):
                    channel = channels.get(record.channel_id)
                    if channel is None:  # its chunk was damaged
                        continue
                    if (begin is None or record.log_time >= begin) and (
                        end is None or record.log_time < end
                    ):
                        yield BagMessage(
                            channel,
                            record.data,
                            record.log_time,
                            record.publish_time,
                            record.sequence,
                        )
                elif isinstance(record, Channel):
                    channels[record.id] = _channel(record, schemas.get(record.schema_id))
                elif isinstance(record, Schema):
                    schemas[record.id] = record
                else:
                    self._note(record)

    def _records(self) -> Iterator[McapRecord]:
        with self.path.open("rb") as file:
            reader = StreamReader(file, emit_chunks=True, record_size_limit=LARGEST)
            records = reader.records
            while True:
                try:
                    record = next(records)
                except StopIteration:
                    return
                except (McapError, StructError, ValueError, MemoryError, OSError):
                    self.whole = False
                    return
                yield record

    def _inside(self, record: McapRecord) -> Sequence[McapRecord]:
        if not isinstance(record, Chunk):
            return (record,)
        try:
            return breakup_chunk(unpacked(record), validate_crc=True)
        except Exception:  # noqa: BLE001 - each compression has errors of its own
            self.damaged += 1
            return ()

    def _note(self, record: McapRecord) -> None:
        if not isinstance(record, Metadata):
            return
        if record.name == ABOUT:
            self.about = record.metadata
        elif record.name == ENDED:
            self.ended = record.metadata
        elif record.name == SCHEMA:
            said = record.metadata
            try:
                self._schemas[said["type"], said["hash"]] = json.loads(said["schema"])
            except (KeyError, ValueError):
                self.damaged += 1


def open_bags(paths: Sequence[Path]) -> list[Bag]:
    """Open the pieces of a recording, in the order of their first messages.

    Raises:
        ConfigurationError: As `Bag`.
    """
    bags = [Bag(path) for path in paths]
    if len(bags) == 1:
        return bags
    firsts = [next(bag.messages(), None) for bag in bags]
    begun = [first.log_time if first is not None else 0 for first in firsts]
    return [bag for _, _, bag in sorted(zip(begun, range(len(bags)), bags, strict=True))]


def _channel(record: Channel, schema: Schema | None) -> BagChannel:
    said = record.metadata
    return BagChannel(
        topic=record.topic,
        encoding=record.message_encoding,
        author=said.get("author", ""),
        qos=1 if said.get("qos") == "1" else 0,
        retained=said.get("retained") == "true",
        replayed=said.get("replayed") == "true",
        type=said.get("type", schema.name if schema and not said else ""),
        hash=said.get("hash", ""),
    )
