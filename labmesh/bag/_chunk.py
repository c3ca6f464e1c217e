"""Chunks of a bag, unpacked as far as they say and no further."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

from mcap.records import Chunk

LARGEST: Final = 256 << 20
"""Bytes of the largest record that is read, packed or not; a damaged or hostile length would ask
for all memory. Writers make chunks of a few MiB."""


def unpacked(chunk: Chunk) -> Chunk:
    """Return ``chunk`` without compression.

    Raises:
        ValueError: It is larger than it says or than `LARGEST`, or its compression is unknown.
        Exception: Whatever the compression's library says of damaged data.
    """
    if not chunk.compression:
        return chunk
    if chunk.uncompressed_size > LARGEST:
        raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes")
    most = chunk.uncompressed_size + 1
    if chunk.compression == "zstd":
        import zstandard  # noqa: PLC0415 only bags of others need it

        data = zstandard.ZstdDecompressor().stream_reader(BytesIO(chunk.data)).read(most)
    elif chunk.compression == "lz4":
        from lz4.frame import LZ4FrameDecompressor  # noqa: PLC0415

        data = LZ4FrameDecompressor().decompress(chunk.data, max_length=most)
    else:
        raise ValueError(f"compression {chunk.compression!r} is unknown")
    if len(data) != chunk.uncompressed_size:
        raise ValueError("a chunk is not as large as it says")
    return replace(chunk, compression="", data=data)
