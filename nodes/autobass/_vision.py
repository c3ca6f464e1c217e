"""Where the parts really lie: what a camera would say.

There is no camera driver here: AutoBASS's OpenCV circle detection is not part of this node. Its
place is `OffsetSource`; the one implementation draws from a stated distribution and says so.
"""

from __future__ import annotations

import hashlib
import random
from typing import Protocol

from messages.assembly import Offset, Part


class OffsetSource(Protocol):
    """Measures how far a part lies from where it should."""

    async def gripped(self, key: str, part: Part) -> Offset:
        """Return the offset of a part in the gripper; the drop pose is corrected by it."""
        ...

    async def placed(self, key: str, part: Part) -> Offset:
        """Return the offset of a part that lies on the post."""
        ...


class SimulatedOffsets:
    """Offsets drawn from normal distributions, independent in x and y.

    Args:
        seed: The same seed gives the same offsets for the same step.
        gripped: Standard deviation in the gripper, m.
        placed: Standard deviation on the post, after the correction, m. The defaults are assumed.
    """

    def __init__(self, seed: int, *, gripped: float = 3e-4, placed: float = 1e-4) -> None:
        self._seed = seed
        self._sigma = {"gripped": gripped, "placed": placed}

    async def gripped(self, key: str, part: Part) -> Offset:
        """See `OffsetSource`."""
        return self._draw("gripped", key)

    async def placed(self, key: str, part: Part) -> Offset:
        """See `OffsetSource`."""
        return self._draw("placed", key)

    def _draw(self, what: str, key: str) -> Offset:
        digest = hashlib.sha256(f"{self._seed}/{what}/{key}".encode()).digest()
        source = random.Random(digest)  # noqa: S311 - noise of a simulation
        sigma = self._sigma[what]
        return Offset(
            x=source.gauss(0.0, sigma),
            y=source.gauss(0.0, sigma),
            source=f"simulated: normal, sigma {sigma * 1e3:g} mm, seed {self._seed}",
        )
