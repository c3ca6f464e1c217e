"""Transports and people for tests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from messages.ids import new_id
from messages.location import Location
from messages.logistics import TransportJob
from nodes.transport._book import Book
from nodes.transport._desk import Desk, Happening
from nodes.transport._people import Person

HERE = Location(address="kit", detail_1="asab", detail_2="vial 3")
THERE = Location(address="kit", detail_1="autobass")
ADA, BOB = Person("ada", ""), Person("bob", "")
ROBOT = Person("simulated-courier", "", simulated=True)


def new_job(*samples: str, request: UUID | None = None, **changes: Any) -> TransportJob:
    """Return a transport that nobody has seen yet."""
    fields: dict[str, Any] = {
        "number": 1, "request": request or new_id(), "requester": "kit/asker",
        "samples": samples or ("vial-3",), "origin": HERE, "destination": THERE, "created": 1000,
    }  # fmt: skip
    return TransportJob.model_validate(fields | changes)


class Rules:
    """What is asked of people."""

    require_codes = False
    require_place = False


class DeskOf:
    """A desk on a book, with a clock that counts, and all that it told."""

    def __init__(self, book: Book) -> None:
        self.rules = Rules()
        self.told: list[Happening] = []
        self.time = 1000
        self.desk = Desk(book, self._now, self.rules, self.told.append, "kit/transport")

    def _now(self) -> int:
        self.time += 1
        return self.time
