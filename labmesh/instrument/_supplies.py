"""What an instrument consumes and where its waste goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from labmesh.instrument._file import InstrumentFile
from messages.errors import LabmeshError, SupplyShortError
from messages.model import JsonObject

SupplyKind = Literal["stock", "parts", "waste", "wear"]
"""``stock`` and ``parts`` are used up from their capacity to nothing; ``waste`` and ``wear`` (a
syringe's strokes, a tube that gets dirty) fill from nothing to their capacity."""

_FILLS: Final = frozenset({"waste", "wear"})
_SLACK: Final = 1e-9
"""Part of the capacity by which sums of binary fractions may be off."""
_MOVEMENT: Final = ("supply", "amount", "level", "lot", "request", "step", "by", "at")
_SELECT: Final = "SELECT name, kind, unit, capacity, level, lot, low, sample FROM supply"


@dataclass(frozen=True, slots=True)
class Supply:
    """How a supply stands.

    Attributes:
        name: ``stock/A``, ``tray/cathode``, ``waste``.
        kind: What becomes of it.
        unit: Of the amounts, SI: ``m3``, ``1``.
        capacity: When full.
        level: What is left; of waste and wear, what has gathered.
        lot: Where the present content comes from.
        low: Part of the capacity that is left when the operator is told.
        sample: Id of the content in the ledger, or empty.
    """

    name: str
    kind: SupplyKind
    unit: str
    capacity: float
    level: float
    lot: str
    low: float
    sample: str

    @property
    def left(self) -> float:
        """How much may still be booked."""
        return self.capacity - self.level if self.kind in _FILLS else self.level

    @property
    def is_low(self) -> bool:
        """Whether the operator should see to it."""
        return self.left <= self.low * self.capacity


class Supplies:
    """The book of supplies, in the instrument's file.

    Args:
        file: The file.
        now: Time of the experiment (ns).
        dry_run: Nothing is booked; whether it could be is checked all the same.
        changed: Called after every change.
    """

    def __init__(
        self,
        file: InstrumentFile,
        now: Callable[[], int],
        *,
        dry_run: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = file
        self._now = now
        self._dry_run = dry_run
        self.changed = changed
        self._names: set[str] = set()

    def define(
        self,
        name: str,
        kind: SupplyKind,
        unit: str,
        capacity: float,
        *,
        lot: str = "",
        level: float | None = None,
        low: float = 0.1,
        sample: str = "",
    ) -> Supply:
        """Say what there is; what the file knows of its level and lot stands.

        Args:
            name: Its name.
            kind: What becomes of it.
            unit: SI.
            capacity: When full; a level above it is cut.
            lot: Of the first filling.
            level: At the first time; by default full, and empty for waste and wear.
            low: Part of the capacity at which the operator is told.
            sample: Id of the first filling in the ledger.
        """
        if capacity <= 0:
            raise LabmeshError(f"a capacity is positive, not {capacity:g} {unit}", where=name)
        first = level if level is not None else (0.0 if kind in _FILLS else capacity)
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO supply VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
                "SET kind = excluded.kind, unit = excluded.unit, capacity = excluded.capacity, "
                "low = excluded.low, level = min(level, excluded.capacity)",
                (name, kind, unit, capacity, first, lot, low, sample),
            )
        self._names.add(name)
        self.changed()
        return self.supply(name)

    def supply(self, name: str) -> Supply:
        """Return how a supply stands.

        Raises:
            LabmeshError: There is none of that name; those that there are are named.
        """
        rows: list[Any] = self._file.rows(f"{_SELECT} WHERE name = ?", name)
        if not rows:
            known = ", ".join(sorted(self._names)) or "none"
            raise LabmeshError(f"no supply is called {name!r}", remedy=f"there are: {known}")
        return Supply(*rows[0])

    def level(self, name: str) -> float:
        """Return what is left of a supply (of waste and wear: what has gathered)."""
        return self.supply(name).level

    def all(self) -> list[Supply]:
        """Return every supply that was defined since the node's start, by name."""
        rows: list[Any] = self._file.rows(f"{_SELECT} ORDER BY name")
        return [Supply(*row) for row in rows if row[0] in self._names]

    def check(self, amounts: Mapping[str, float]) -> None:
        """Refuse a plan that some supply does not suffice for.

        Raises:
            SupplyShortError: Naming every supply that is short.
        """
        short = [
            _shortage(supply, amount)
            for supply, amount in ((self.supply(name), amount) for name, amount in amounts.items())
            if _exceeds(supply, amount)
        ]
        if short:
            raise SupplyShortError("; ".join(short), remedy="see supplies.list, supplies.refill")

    def book(self, name: str, amount: float, *, for_: UUID | None = None) -> None:
        """Take ``amount`` from a stock, or add it to waste and wear; on the disk on return.

        What belongs to a step is better booked by `StepJournal.step` together with its intent.

        Raises:
            SupplyShortError: There is not so much left.
        """
        with self._file.transaction() as db:
            self.book_in(db, {name: amount}, for_=for_)
        self.changed()

    def give_back(self, name: str, amount: float, *, for_: UUID | None = None) -> None:
        """Undo (part of) a booking: it was not used after all."""
        with self._file.transaction() as db:
            self._move(db, self.supply(name), -amount, for_, None, "")
        self.changed()

    def refill(
        self, name: str, amount: float | None = None, *, lot: str = "", by: str = "",
        sample: str = "",
    ) -> Supply:  # fmt: skip
        """Note that a person has refilled a stock or a tray, or emptied waste, or renewed a part.

        Args:
            name: Which.
            amount: What is in it now (waste: what is left in it); None: full (empty).
            lot: Of the new content; empty: the same as before.
            by: Who.
            sample: Id of the new content in the ledger; empty: the same as before.

        Raises:
            LabmeshError: More than its capacity, or less than nothing.
        """
        supply = self.supply(name)
        fresh = amount
        if fresh is None:
            fresh = 0.0 if supply.kind in _FILLS else supply.capacity
        if not 0 <= fresh <= supply.capacity * (1 + _SLACK):
            raise LabmeshError(
                f"{name} holds 0 to {supply.capacity:g} {supply.unit}, not {fresh:g}"
            )
        with self._file.transaction() as db:
            db.execute(
                "UPDATE supply SET level = ?, lot = ?, sample = ? WHERE name = ?",
                (fresh, lot or supply.lot, sample or supply.sample, name),
            )
            self._note(db, supply, fresh - supply.level, fresh, lot or supply.lot, None, None, by)
        self.changed()
        return self.supply(name)

    def movements(self, count: int) -> list[JsonObject]:
        """Return the last bookings and refills, the newest first."""
        rows = self._file.rows(
            "SELECT supply, amount, level, lot, request, step, by, at FROM movement "
            "ORDER BY id DESC LIMIT ?", count,
        )  # fmt: skip
        return [dict(zip(_MOVEMENT, row, strict=True)) for row in rows]

    def book_in(
        self,
        db: sqlite3.Connection,
        amounts: Mapping[str, float],
        *,
        for_: UUID | None,
        step: int | None = None,
    ) -> None:
        """Book within a transaction of the instrument's file; errors as `book`."""
        self.check(amounts)
        if self._dry_run:
            return
        for name, amount in amounts.items():
            self._move(db, self.supply(name), amount, for_, step, "")

    def give_back_step(self, db: sqlite3.Connection, step: int, by: str) -> None:
        """Undo what was booked for a step that was not done."""
        booked = db.execute(
            "SELECT supply, sum(amount), request FROM movement WHERE step = ? GROUP BY supply",
            (step,),
        ).fetchall()
        for name, amount, request in booked:
            supply = self.supply(name)
            used = amount if supply.kind in _FILLS else -amount
            self._move(db, supply, -used, UUID(request) if request else None, step, by)

    def _move(
        self, db: sqlite3.Connection, supply: Supply, amount: float, for_: UUID | None,
        step: int | None, by: str,
    ) -> None:  # fmt: skip
        change = amount if supply.kind in _FILLS else -amount
        level = min(max(supply.level + change, 0.0), supply.capacity)
        db.execute("UPDATE supply SET level = ? WHERE name = ?", (level, supply.name))
        self._note(db, supply, change, level, supply.lot, for_, step, by)

    def _note(
        self, db: sqlite3.Connection, supply: Supply, change: float, level: float, lot: str,
        for_: UUID | None, step: int | None, by: str,
    ) -> None:  # fmt: skip
        db.execute(
            "INSERT INTO movement (supply, amount, level, lot, request, step, by, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (supply.name, change, level, lot, str(for_ or ""), step, by, self._now()),
        )


def _exceeds(supply: Supply, amount: float) -> bool:
    return amount < 0 or amount > supply.left + _SLACK * supply.capacity


def _shortage(supply: Supply, amount: float) -> str:
    if amount < 0:
        return f"{supply.name}: {amount:g} {supply.unit} cannot be booked, it is negative"
    room = "room for" if supply.kind in _FILLS else "left"
    return f"{supply.name}: {amount:g} {supply.unit} wanted, {room} {supply.left:g}"
