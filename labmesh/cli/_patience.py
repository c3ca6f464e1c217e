"""Durable messages are sent until the ledger answers; the command line waits only so long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from labmesh.cli._session import Session
from messages.errors import CallTimeoutError

T = TypeVar("T")


async def patiently(session: Session, work: Awaitable[T], what: str, remedy: str) -> T:
    """Await ``work`` for the session's patience.

    Raises:
        CallTimeoutError: That was not enough; its words are ``what`` and ``remedy``.
    """
    try:
        async with asyncio.timeout(session.patience):
            return await work
    except TimeoutError:
        raise CallTimeoutError(f"{what} within {session.patience:g} s", remedy=remedy) from None
