"""What may go wrong between a client and a server."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """What becomes of one request."""

    ERROR = "answered 500, not acted upon"
    ERROR_AFTER = "answered 500, though acted upon"
    LOST = "acted upon, the answer lost"
    CUT = "the connection cut in the middle of its body, not acted upon"
    SLOW_DOWN = "answered 429, not acted upon"
    UNAVAILABLE = "answered 503 with a Retry-After, not acted upon"
    SILENCE = "never answered, not acted upon"
    TWICE = "acted upon twice, as by a proxy that tries again; the second answer counts"
