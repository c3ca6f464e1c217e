"""A node that attaches files, which the tests and the benchmark run as a process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from labmesh import Node, NodeParameters, Order, capability
from messages.model import Count, Model, Text

BLOCK = 1 << 20


class Shot(Model):
    """What to take a picture of."""

    size: Count
    seed: Count = 0
    names: tuple[Text, ...] = ("picture.raw",)


class Taken(Model):
    """The pictures' hashes."""

    sha256: tuple[Text, ...]


class CameraParameters(NodeParameters):
    """Parameters of the camera."""

    scratch: str = Field(description="folder that pictures are first written to")


class CameraNode(Node[CameraParameters]):
    """Takes large pictures of nothing."""

    Parameters = CameraParameters
    artifact_limit: ClassVar[int] = 100 << 20
    artifact_retention: ClassVar[float] = 1e9

    @capability("picture", "camera", slots=4)
    async def shoot(self, order: Order[Shot]) -> Taken:
        """Take pictures, all with the same content."""
        file = Path(self.parameters.scratch) / f"{order.request}.raw"
        await self.in_thread(expose, file, order.parameters.size, order.parameters.seed)
        taken = [await order.attach(file, name=name) for name in order.parameters.names]
        await self.in_thread(file.unlink)
        return Taken(sha256=tuple(each.sha256 for each in taken))


class HastyCameraNode(CameraNode):
    """Keeps no picture longer than it must."""

    artifact_retention: ClassVar[float] = 0.0


def blocks(size: int, seed: int) -> list[bytes]:
    """Return the content of a picture; no two of its blocks are alike."""
    whole = [
        hashlib.sha256(f"{seed} {index}".encode()).digest() * (BLOCK // 32)
        for index in range(-(-size // BLOCK))
    ]
    if whole:
        whole[-1] = whole[-1][: size - BLOCK * (len(whole) - 1)]
    return whole


def expose(file: Path, size: int, seed: int) -> None:
    """Write a picture."""
    with file.open("wb") as opened:
        opened.writelines(blocks(size, seed))


def digest(size: int, seed: int) -> str:
    """Return a picture's sha256."""
    return hashlib.sha256(b"".join(blocks(size, seed))).hexdigest()
