"""A camera whose pictures are too large for a message: run it with `labmesh run camera:Camera`."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from labmesh import Node, Order, capability
from messages.model import Count, Model


class Exposure(Model):
    """What a request says."""

    pixels: Count = Field(default=1_000_000, description="one byte each")


class Picture(Model):
    """What a result says; the picture itself is its artifact."""

    pixels: Count


def expose(file: Path, pixels: int) -> None:
    """Stand in for the vendor's driver, which writes a file."""
    file.write_bytes(os.urandom(pixels))


class Camera(Node):
    """A simulated camera."""

    @capability("image", "camera", simulated=True)
    async def shoot(self, order: Order[Exposure]) -> Picture:
        """Take a picture of a cell."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "cell.raw"
            await self.in_thread(expose, file, order.parameters.pixels)
            await order.attach(file, media_type="image/x-raw")
        return Picture(pixels=order.parameters.pixels)
