"""``query.artifacts``: what results name, and whether it lies in the ledger's own folder."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, select

from labmesh.artifacts import ArtifactFolder
from messages.artifact import ArtifactView
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker._pages import fill
from nodes.broker._queries import one_result
from nodes.broker._sight import EVERYTHING, Sight
from nodes.broker.store import _tables as t

_A: Final = t.ARTIFACTS.c
_R: Final = t.RESULTS.c
_J: Final = t.JOURNAL.c

_PER_RESULT: Final = 4096
"""More artifacts than one result can name: a name and a hash have 100 bytes, its body 60 KiB. So
``offset * 4096 + number`` is a cursor."""

_CHUNK: Final = 200
"""Rows that a database sends at a time."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A result's word that an artifact exists, and who made it."""

    sha256: str
    size: int
    author: str
    offset: int


class Holdings:
    """Compares what the journal names with what lies in the folder; nothing else is remembered.

    Args:
        folder: The ledger's own artifacts.
        known: Whether that is where they are; of a database read from elsewhere nobody can tell.
    """

    def __init__(self, folder: ArtifactFolder, *, known: bool = True) -> None:
        self.folder = folder
        self._known = known
        self.reasons: dict[str, str] = {}
        """Why an artifact is not here, as far as whoever fetches them knows."""

    def answer(
        self, connection: Connection, arguments: a.ArtifactsArguments, sight: Sight = EVERYTHING
    ) -> JsonObject:
        """``query.artifacts``: {artifacts, next}."""
        with closing(self._views(connection, arguments, sight)) as views:
            page, after = fill(islice(views, arguments.limit + 1), arguments.limit)
        return {"artifacts": page, "next": after}

    def claims(self, connection: Connection, after: int, limit: int) -> list[Claim]:
        """Return what results later than the offset ``after`` name, at least all of one result."""
        found: list[Claim] = []
        statement = _named().where(_R.offset > after).order_by(_R.offset)
        with connection.execute(statement) as rows:
            for _, group in groupby(rows, lambda row: row.offset):
                found += [Claim(row.sha256, row.size, row.author, row.offset) for row in group]
                if len(found) >= limit:
                    break
        return found

    def missing(self, claim: Claim) -> bool:
        """Tell whether the folder has it not, or not with that size."""
        return self.folder.size(claim.sha256) != claim.size

    def _views(
        self, connection: Connection, arguments: a.ArtifactsArguments, sight: Sight
    ) -> Generator[tuple[int, JsonObject], None, None]:
        after = arguments.after
        last, number = divmod(after, _PER_RESULT) if after is not None else (-1, -1)
        conditions: list[ColumnElement[bool]] = []
        if arguments.sha256 is not None:
            # Every hexadecimal digit sorts before "g".
            conditions += [_A.sha256 >= arguments.sha256, _A.sha256 < arguments.sha256 + "g"]
        if arguments.result is not None:
            conditions.append(_R.uuid == one_result(connection, arguments.result, sight).uuid)
        if after is not None:
            conditions.append(_R.offset <= last if arguments.newest_first else _R.offset >= last)
        order = _R.offset.desc() if arguments.newest_first else _R.offset.asc()
        statement = _named().where(*conditions).order_by(order, _A.sha256)
        with connection.execute(statement) as rows:
            for offset, group in groupby(rows, lambda row: row.offset):
                for index, row in enumerate(group):
                    if offset == last and index <= number:
                        continue
                    if not (sight.artifact(row.sha256) and sight.result(row.result_uuid)):
                        continue
                    view = self._view(row)
                    if not arguments.missing or view["state"] == "missing":
                        yield offset * _PER_RESULT + index, view

    def _view(self, row: Row[Any]) -> JsonObject:
        here = self.folder.size(row.sha256) if self._known else None
        held = here == row.size
        reason = "" if held else self.reasons.get(row.sha256, "")
        if here is not None and not held:
            reason = f"what has this hash has {here} bytes"
        if not self._known:
            reason = "the folder of the artifacts is not known here; ask the broker node"
        return ArtifactView(
            sha256=row.sha256,
            name=row.name,
            media_type=row.media_type,
            size=row.size,
            result=row.result_uuid,
            offset=row.offset,
            author=row.author,
            load_time=row.load_time,
            state="held" if held else "missing",
            reason=reason,
        ).model_dump()


def _named() -> Any:
    return (
        select(
            _A.sha256, _A.name, _A.media_type, _A.size, _A.result_uuid,
            _R.offset, _J.author, _J.load_time,
        )
        .join(t.RESULTS, _R.uuid == _A.result_uuid)
        .join(t.JOURNAL, _J.offset == _R.offset)
        # Most callers read a page of what may be a million rows.
        .execution_options(stream_results=True, yield_per=_CHUNK)
    )  # fmt: skip
