"""``query.access``: what has been declared, and what holds of one thing."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, select

from labmesh.access import AccessBook
from messages.access import DECLARATION, Access, AccessView, DeclarationOutput, Level
from messages.envelope import unpack
from messages.errors import CallRefusedError
from messages.ledger import EntryKind
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker._pages import fill, plain
from nodes.broker._row import Row
from nodes.broker._sight import EVERYTHING, Sight
from nodes.broker.store import _tables as t

_J: Final = t.JOURNAL.c
_R: Final = t.RESULTS.c


def access(
    connection: Connection, arguments: a.AccessArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.access``: {declarations, next, access}; of one thing what holds of it, too.

    Without the broker node this reads the journal as a whole to know what hangs on what.
    """
    named = arguments.subject, arguments.name
    if None in named and named != (None, None):
        raise CallRefusedError("subject and name go together", code="bad_arguments")
    found = [view for view in declarations(connection) if _matches(view, arguments)]
    if not sight.whole:
        found = [view for view in found if view.strictness is not Level.CONFIDENTIAL]
    after = -1 if arguments.after is None else arguments.after
    later = ((view.offset, view.model_dump()) for view in found if view.offset > after)
    page, following = fill(later, arguments.limit)
    held: Access | None = None
    if arguments.subject is not None and arguments.name is not None and sight.whole:
        held = holds(_book(connection), arguments.subject, arguments.name)
    return {
        "declarations": page,
        "next": following,
        "access": None if held is None else plain(held.model_dump()),
    }


def holds(book: AccessBook, subject: str, name: str) -> Access:
    """Return the access of a campaign, a sample or a result."""
    if subject == "campaign":
        return book.of_campaign(name)
    return book.of_sample(name) if subject == "sample" else book.of_result(name)


def declarations(connection: Connection) -> list[AccessView]:
    """Return the last declaration of each subject, in the ledger's order."""
    quantity, method = DECLARATION
    rows = connection.execute(
        select(_J.offset, _J.uuid, _J.author, _J.load_time, _J.body)
        .join(t.RESULTS, _R.offset == _J.offset)
        .where(_R.quantity == quantity, _R.method == method, _R.outcome == "resolved")
        .order_by(_J.offset)
    )
    last: dict[tuple[str, str], AccessView] = {}
    for row in rows:
        view = _view(row)
        last.pop((view.subject, view.name), None)
        last[view.subject, view.name] = view
    return list(last.values())


def _view(row: Any) -> AccessView:
    said = DeclarationOutput.model_validate(unpack(row.body)["data"])
    return AccessView(
        **said.model_dump(),
        result=row.uuid,
        offset=row.offset,
        author=row.author,
        load_time=row.load_time,
    )


def _matches(view: AccessView, arguments: a.AccessArguments) -> bool:
    if arguments.level is not None and view.level != arguments.level:
        return False
    return arguments.subject is None or (view.subject, view.name) == (
        arguments.subject, arguments.name,
    )  # fmt: skip


def _book(connection: Connection) -> AccessBook:
    book = AccessBook()
    quantity, method = DECLARATION
    some = select(_R.uuid).where(_R.quantity == quantity, _R.method == method).limit(1)
    if connection.execute(some).first() is None:
        return book
    kinds = (EntryKind.REQUEST.value, EntryKind.RESULT.value)
    statement = select(t.JOURNAL).where(_J.kind.in_(kinds)).order_by(_J.offset)
    with connection.execute(
        statement, execution_options={"stream_results": True, "yield_per": 500}
    ) as rows:
        for row in rows:
            book.take(Row(tuple(row), unpack(row.body)))
    return book
