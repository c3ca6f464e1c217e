"""Opening a ledger file with whatever is installed to read one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any, Final, Protocol

from messages.errors import ConfigurationError
from messages.model import JsonObject

GROUP: Final = "labmesh.ledger"
"""Entry point group of functions that open a ledger: ``open(place) -> LedgerFile``."""


_PAGE: Final = 200


class LedgerFile(Protocol):
    """A ledger opened for reading; threads may share it."""

    def query(self, service: str, arguments: JsonObject) -> JsonObject:
        """Answer as the broker node's service of that name would."""
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


def open_ledger_file(place: str) -> Any:
    """Open the ledger at a path or a database URL; whoever calls closes it.

    What comes back is at least a `LedgerFile`; who needs more of it says so by a wider type.

    Raises:
        ConfigurationError: There is none, or nothing installed reads ledgers.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if not points:
        raise ConfigurationError(
            "nothing that reads ledgers is installed", remedy="install labmesh with its nodes"
        )
    point = points.get("default") or next(iter(points.values()))
    return point.load()(place)


@contextmanager
def opened(place: str) -> Iterator[LedgerFile]:
    """Open the ledger at a path or a database URL for as long as the block runs.

    Raises:
        ConfigurationError: As `open_ledger_file`.
    """
    file: LedgerFile = open_ledger_file(place)
    try:
        yield file
    finally:
        file.close()


def pages(file: LedgerFile, service: str, items: str, **arguments: Any) -> Iterator[JsonObject]:
    """Yield everything that a paged service answers, in the order of the ledger."""
    after: dict[str, Any] = {}
    while True:
        page = file.query(service, {**arguments, **after})
        yield from page[items]
        if page.get("next") is None:
            return
        after = {"after": page["next"]}


def journal_items(file: LedgerFile, kinds: list[str], until: int) -> Iterator[JsonObject]:
    """Yield what ``journal.read`` answers of some kinds up to an offset."""
    at: int | None = 0
    while at is not None and at <= until:
        page = file.query("journal.read", {"from": at, "limit": _PAGE, "kinds": kinds})
        for entry in page["entries"]:
            if entry["offset"] <= until:
                yield entry
        at = page["next"]
