"""Where deposits go: what a folder and an InvenioRDM have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from messages.access import today as day
from messages.archive import DepositOutput

if TYPE_CHECKING:
    from labmesh.record import Record

Tell = Callable[[float, str], None]
"""Told how far it is (0 to 1), and what is being done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One deposit.

    Attributes:
        campaign: Whose crate.
        record: The ledger.
        by: Who asks: the same after a crash.
        former: The record of the campaign's last deposit as the ledger knows it, or empty.
        tell: Told how far it is.
    """

    campaign: str
    record: Record
    by: str
    former: str
    tell: Tell


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a deposit.

    Attributes:
        output: The result.
        missing: sha256 of artifacts that the crate lacks because nobody could give them.
    """

    output: DepositOutput
    missing: tuple[str, ...]


class Target(Protocol):
    """Where deposits go."""

    @property
    def address(self) -> str:
        """Where it is, in words."""
        ...

    @property
    def kind(self) -> Literal["folder", "invenio"]:
        """What it is."""
        ...

    async def deposit(self, asked: Asked) -> Done:
        """Write the crate and deposit it; errors as `DepositEngine.deposit` and `write_crate`."""
        ...

    async def check(self) -> str:
        """Return in words how it is; raise what a deposit would."""
        ...


def part(tell: Tell, first: float, last: float) -> Callable[[int, int], None]:
    """Return what tells of the writing of a crate as a part of a deposit."""

    def told(done: int, total: int) -> None:
        tell(first + (last - first) * done / max(total, 1), "writing the crate")

    return told


async def work() -> Any:
    """Return the module that writes crates; it needs rdflib, a second of import."""
    return await asyncio.to_thread(import_module, "nodes.archiver._prepare")


def today() -> str:
    """Return the day it is, UTC, by wall time: archives live in the real world."""
    return day().isoformat()
