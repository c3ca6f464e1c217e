"""A message to publish."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil


@dataclass(slots=True, eq=False)
class Message:
    """What `Transport.publish` was given.

    Attributes:
        deadline: By `time.monotonic`, when it is of no use any more.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Mapping[str, str] | None
    correlation: bytes | None
    deadline: float | None

    @property
    def expiry(self) -> int | None:
        """Seconds until the deadline, rounded up and at least 1: 0 would mean at once."""
        if self.deadline is None:
            return None
        return max(1, ceil(self.deadline - time.monotonic()))
