"""Keeping to an archive's rate limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from nodes.archiver._errors import ArchiveError

logger = logging.getLogger("labmesh.archiver")

_WITHOUT_WORD: Final = 60.0
"""Wall seconds to wait where an archive says 429 and not for how long: its limits are by minute."""


class Pace:
    """When the next request may go. All times are wall seconds.

    Args:
        longest_wait: How long it waits at most; longer is an error that may be tried again later.
    """

    def __init__(self, longest_wait: float) -> None:
        self._longest = longest_wait
        self._from = 0.0

    async def turn(self) -> None:
        """Return when a request may go."""
        wait = self._from - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)

    def slows_down(self, status: int, headers: Mapping[str, str], where: str) -> bool:
        """Take an answer's word on limits; return whether the archive refused for them alone.

        Raises:
            ArchiveError: It says to wait for longer than this may.
        """
        asked = status == 429 or (status == 503 and "retry-after" in headers)
        if not asked:
            if headers.get("x-ratelimit-remaining") == "0":
                reset = _number(headers.get("x-ratelimit-reset", ""))
                if reset is not None:
                    # Its own count is used up: the next one would be refused.
                    self._hold(min(max(reset - time.time(), 0.0), self._longest))
            return False
        wait = _seconds(headers.get("retry-after", ""))
        if wait is None:
            wait = _WITHOUT_WORD
        if wait > self._longest:
            raise ArchiveError(
                f"the archive says to wait for {wait:.0f} s", where=where, retryable=True,
                status=status,
            )  # fmt: skip
        logger.info("the archive says to wait for %.0f s: %s", wait, where)
        self._hold(wait)
        return True

    def _hold(self, seconds: float) -> None:
        self._from = max(self._from, time.monotonic() + seconds)


def _seconds(words: str) -> float | None:
    """Return the seconds of a Retry-After, which is a number or a date (RFC 9110, 10.2.3)."""
    number = _number(words)
    if number is not None:
        return max(number, 0.0)
    try:
        return max(parsedate_to_datetime(words).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None


def _number(words: str) -> float | None:
    try:
        return float(words)
    except ValueError:
        return None
