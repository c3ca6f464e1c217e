"""Small files and texts that would become large ones: whatever unpacks does so with a bound."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import lz4.frame
import msgpack
import pytest
import zstandard
from mcap.writer import CompressionType, Writer

from labmesh.agent._bundle import MAX_PACKED, Bundle
from labmesh.bag._reader import Bag
from labmesh.bag._schema import envelope_schema
from messages.envelope import decode
from messages.errors import ConfigurationError, DecodeError, LabmeshError
from nodes.broker._transfer_stream import StreamReader, open_stream
from tests.security.lab import attack

MIB = 1 << 20
BOUND = 32 * MIB
"""Of Python's own memory."""


def bounded(work: Callable[[], object]) -> None:
    """Run ``work``, which may raise errors of ours and must not take much memory."""
    tracemalloc.start()
    try:
        work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BOUND, f"{peak} bytes"


@pytest.mark.parametrize(
    "begin",
    [
        b"",  # nothing but zeros
        b"\x81\xa6format\xc6\xff\xff\xff\xff",  # a value of 4 GiB
        b"\xdf\xff\xff\xff\xff",  # a map of 4 billion
        b"\x91" * (8 * MIB),  # nested
        msgpack.packb({"format": "labmesh-ledger-1", "columns": 1}) + b"\xc6\xff\xff\xff\xff",
    ],
)
def test_an_export_that_unpacks_to_gigabytes(tmp_path: Path, begin: bytes) -> None:
    file = tmp_path / "bomb.gz"
    with gzip.open(file, "wb", compresslevel=9) as packed:
        packed.write(begin)
        for _ in range(64):
            packed.write(bytes(MIB))

    def read() -> None:
        with open_stream(file, "rb", zipped=True) as stream:
            reader = StreamReader(stream, str(file))
            list(reader.rows())

    with attack("bomb"):
        with pytest.raises(LabmeshError) as failure:
            bounded(read)
        assert str(file) in str(failure.value)


def _bundle(plain: bytes) -> str:
    return b64encode(zlib.compress(plain, 9)).decode()


@pytest.mark.parametrize(
    "text",
    [
        _bundle(bytes(40 * MIB)),
        _bundle(msgpack.packb({"version": 1, "main": "a", "files": {"a": bytes(30 * MIB)}})),
        _bundle(b"\x91" * 100_000),
        _bundle(msgpack.packb({"version": 1, "main": "../a", "files": {"../a": b""}})),
        _bundle(msgpack.packb({"version": 1, "main": "/a", "files": {"/a": b""}})),
        "x" * (2 * MAX_PACKED),
        "\u00e9",
    ],
)
def test_a_bundle_that_is_a_bomb_or_leads_elsewhere(text: str) -> None:
    with attack("bomb"), pytest.raises(ConfigurationError):
        bounded(lambda: Bundle.unpack(text))


def _bag(file: Path, compression: CompressionType, spoil: Callable[[bytes], bytes]) -> None:
    made = BytesIO()
    writer = Writer(made, compression=compression)
    writer.start()
    schema = writer.register_schema("x", "jsonschema", b"{}")
    channel = writer.register_channel("t", "json", schema)
    writer.add_message(channel, 1, b"{}" + bytes(4 * MIB), 1)
    writer.finish()  # type: ignore[no-untyped-call]
    file.write_bytes(spoil(made.getvalue()))


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4])
def test_a_bag_that_unpacks_to_more_than_it_says(
    tmp_path: Path, compression: CompressionType
) -> None:
    zeros = bytes(600 * MIB)
    bomb = (
        zstandard.compress(zeros, 1)
        if compression is CompressionType.ZSTD
        else lz4.frame.compress(zeros)
    )
    name = {CompressionType.ZSTD: b"zstd", CompressionType.LZ4: b"lz4"}[compression]
    for size in (len(zeros), 1000, 2**62):
        body = struct.pack("<QQQI", 1, 1, size, 0) + struct.pack("<I", len(name)) + name
        body += struct.pack("<Q", len(bomb)) + bomb
        chunk = b"\x06" + struct.pack("<Q", len(body)) + body
        file = tmp_path / "bomb.mcap"

        def put_in(data: bytes, chunk: bytes = chunk) -> bytes:
            at = data.index(b"\x06", 8)
            return data[:at] + chunk + data[at:]

        with attack("bomb"):
            _bag(file, CompressionType.NONE, put_in)

            def read(file: Path = file) -> None:
                bag = Bag(file)
                assert len(list(bag.messages())) <= 1
                assert bag.damaged >= 1 or not bag.whole

            bounded(read)


def test_a_schema_that_contains_itself_many_times() -> None:
    again = {"$ref": "#/$defs/a"}
    schema: dict[str, Any] = {
        "$defs": {"a": {"type": "object", "properties": dict.fromkeys("abcdefgh", again)}},
        **again,
    }
    with attack("bomb"):
        bounded(lambda: envelope_schema(schema, "bomb"))


@pytest.mark.parametrize(
    "payload", [b"\x91" * 90_000, b"\x81\xa1a" * 30_000, b"\xdd\xff\xff\xff\xff"]
)
def test_messages_that_are_nested_or_claim_to_be_large(payload: bytes) -> None:
    with attack("bomb"), pytest.raises(DecodeError):
        bounded(lambda: decode(payload))
