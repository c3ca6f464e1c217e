"""One MCAP file in the making: readable up to the last flush, whatever happens."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from mcap.writer import CompressionType, Writer

from labmesh.bag._json import to_json
from labmesh.bag._record import JSON, OURS, RAW, BagChannel, BagMessage, envelope_in
from labmesh.bag._schema import envelope_schema
from labmesh.bag._types import TypeSchemas
from messages.envelope import RawEnvelope
from messages.errors import BagError, ConfigurationError, TopicError
from messages.topics import parse_topic

Compression = Literal["zstd", "lz4", "none"]
Encoding = Literal["json", "msgpack"]

ABOUT: Final = "labmesh"
"""Name of the metadata record that says where and by what a bag was recorded."""
ENDED: Final = "labmesh.end"
"""Name of the metadata record that says how the recording ended."""
SCHEMA: Final = "labmesh.schema"
"""Name of the metadata records with the whole schemas: ``type``, ``hash``, ``schema``."""

_CHUNK: Final = 1 << 20
"""Bytes of a chunk before compression (the MCAP library's default, too)."""

_COMPRESSION: Final = {
    "zstd": CompressionType.ZSTD,
    "lz4": CompressionType.LZ4,
    "none": CompressionType.NONE,
}
_STATE: Final = frozenset({"node", "offer", "schema", "sample", "head", "clock", "link"})
"""Classes of topics whose messages are retained (DESIGN section 3)."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How bags are written.

    Attributes:
        encoding: Of envelopes: ``json`` for every viewer, ``msgpack`` for the exact bytes.
        compression: Of chunks.
    """

    encoding: Encoding = "json"
    compression: Compression = "zstd"


class _Spool(io.BytesIO):
    """What the MCAP library has written and the file does not have yet; tells the file's offset."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0

    def tell(self) -> int:
        return self.before + super().tell()

    def drain(self) -> bytes:
        data = self.getvalue()
        self.before += len(data)
        self.seek(0)
        self.truncate()
        return data


class BagWriter:
    """Writes a new file.

    Args:
        path: Where; there must be none yet.
        writing: How.
        about: Metadata of the file: realm, site, host, time ...
        schemas: Of message types.

    Attributes:
        path: As given.
        messages: Written so far.
        size: Bytes in the file so far.

    Raises:
        ConfigurationError: The file exists, or cannot be made.
    """

    def __init__(
        self, path: Path, writing: Writing, about: dict[str, str], schemas: TypeSchemas
    ) -> None:
        self.path = path
        self.messages = 0
        self.size = 0
        self._writing = writing
        self._schemas = schemas
        self._spool = _Spool()
        self._channels: dict[BagChannel, int] = {}
        self._of_topic: dict[tuple[object, ...], BagChannel] = {}
        self._schema_ids: dict[tuple[str, str], int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            raise ConfigurationError(
                "exists already", where=str(path), remedy="choose another name with --output"
            ) from None
        except OSError as error:
            raise ConfigurationError(f"cannot be made: {error.strerror}", where=str(path)) from None
        self._mcap = Writer(
            self._spool, chunk_size=_CHUNK, compression=_COMPRESSION[writing.compression]
        )
        self._mcap.start(library=f"labmesh {version('labmesh')}")
        self._mcap.add_metadata(ABOUT, about)
        self.flush()

    def take(self, topic: str, payload: bytes, *, qos: int, replayed: bool, log_time: int) -> None:
        """Write what was received; it is in the file after the next `flush`."""
        raw = envelope_in(payload)
        kind, digest = (raw.header.type, raw.header.schema) if raw else ("", "")
        key = (topic, qos, replayed, kind, digest)
        channel = self._of_topic.get(key)
        if channel is None:
            author, retained = _author(topic)
            channel = self._of_topic[key] = BagChannel(
                topic=topic,
                encoding=self._writing.encoding if raw else RAW,
                author=author,
                qos=qos,
                retained=retained or replayed,
                replayed=replayed,
                type=kind,
                hash=digest,
            )
        self._add(channel, raw, payload, log_time)

    def copy(self, message: BagMessage) -> None:
        """Write a message of another bag, in this one's encoding.

        Raises:
            DecodeError: It is not what it says.
        """
        channel = message.channel
        if channel.encoding not in OURS or channel.encoding == self._writing.encoding:
            self._write(message)
            return
        fields = {**asdict(channel), "encoding": self._writing.encoding}
        self._add(BagChannel(**fields), message.envelope(), message.payload(), message.log_time)

    def flush(self, *, sync: bool = True) -> None:
        """Bring everything to the file and, with ``sync``, to the disk.

        Raises:
            BagError: The disk is full or broken. The file is readable up to the flush before.
        """
        self._mcap.flush()  # type: ignore[no-untyped-call]
        self._append(self._spool.drain())
        if sync:
            try:
                os.fsync(self._file)
            except OSError as error:
                raise self._failure(error) from error

    def drain(self) -> None:
        """Bring whole chunks to the file; errors as `flush`."""
        if self._spool.tell() > self.size:
            self._append(self._spool.drain())

    def close(self, ended: dict[str, str]) -> None:
        """Write what remains, how it ended, and the index. Errors as `flush`."""
        try:
            self._mcap.add_metadata(ENDED, ended)
            self._mcap.finish()  # type: ignore[no-untyped-call]
            self._append(self._spool.drain())
            os.fsync(self._file)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            os.close(self._file)

    def abandon(self) -> None:
        """Close the file as it is, after an error."""
        with suppress(OSError):
            os.close(self._file)

    def _add(
        self, channel: BagChannel, raw: RawEnvelope | None, payload: bytes, log_time: int
    ) -> None:
        data = to_json(raw) if raw and channel.encoding == JSON else payload
        # MCAP's sequences are 32 bits wide; the envelope has the whole number.
        stamp, sequence = (raw.header.stamp, raw.header.seq & 0xFFFFFFFF) if raw else (log_time, 0)
        self._write(BagMessage(channel, data, log_time, stamp, sequence))

    def _write(self, message: BagMessage) -> None:
        number = self._channels.get(message.channel)
        if number is None:
            number = self._channels[message.channel] = self._register(message.channel)
        self._mcap.add_message(
            channel_id=number,
            log_time=message.log_time,
            data=message.data,
            publish_time=message.publish_time,
            sequence=message.sequence,
        )
        self.messages += 1

    def _register(self, channel: BagChannel) -> int:
        schema = self._schema(channel) if channel.encoding in OURS else 0
        said = {name: str(value) for name, value in asdict(channel).items() if value != ""}
        del said["topic"], said["encoding"]
        for flag in ("retained", "replayed"):
            said[flag] = said[flag].lower()
        return self._mcap.register_channel(channel.topic, channel.encoding, schema, said)

    def _schema(self, channel: BagChannel) -> int:
        key = (channel.type, channel.hash)
        if key not in self._schema_ids:
            whole = self._schemas.find(*key)
            if whole is not None:
                text = json.dumps(whole, ensure_ascii=False)
                self._mcap.add_metadata(
                    SCHEMA, {"type": channel.type, "hash": channel.hash, "schema": text}
                )
            shown = json.dumps(envelope_schema(whole, channel.type), ensure_ascii=False)
            self._schema_ids[key] = self._mcap.register_schema(
                channel.type, "jsonschema", shown.encode()
            )
        return self._schema_ids[key]

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise self._failure(error) from error
        self.size += len(data)

    def _failure(self, error: OSError) -> BagError:
        """Return what to say; a reader knows by itself what was written by halves."""
        return BagError(
            f"cannot be written: {error.strerror}",
            where=str(self.path),
            remedy=f"its first {self.messages} messages, but for the last second's, are in it; "
            "make room and record into another file",
        )


def _author(topic: str) -> tuple[str, bool]:
    """Return the author of a topic, or an empty text, and whether its class is retained."""
    try:
        parsed = parse_topic(topic)
    except TopicError:
        return "", False
    manifest = parsed.kind == "blob" and len(parsed.rest) == 1
    return str(parsed.author), manifest or parsed.kind in _STATE
