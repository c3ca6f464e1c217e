"""Times in words."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: int) -> str:
    """Return a time, ns, as local ISO 8601 to the second: ``2026-11-22 05:12:00``."""
    local = datetime.fromtimestamp(at // 10**9).astimezone()
    return local.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def exact(at: int) -> str:
    """Return a time, ns, in UTC with its zone, as machines read it."""
    return datetime.fromtimestamp(at / 10**9, tz=UTC).isoformat(timespec="seconds")
