"""Declarations of access at the door, and what other sites may not put into what stays here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from messages.access import DECLARATION, DeclarationOutput, Level
from messages.envelope import validate
from messages.errors import BodyError
from messages.ledger import EntryKind, Result, Status
from nodes.broker._books import Books
from nodes.broker._door import Incoming
from nodes.broker._refusal import Refusal

_HOME_ALONE: Final = (
    "it belongs to what is confidential, which is taken from nodes of site {} alone"
)


def check_request_access(books: Books, incoming: Incoming) -> bool:
    """Return whether a request is confidential.

    Raises:
        Refusal: It is, and comes from another site. The words name nothing.
    """
    guard = books.guard
    if not guard.active or not guard.of_new(EntryKind.REQUEST, incoming.body).confidential:
        return False
    if guard.is_away(incoming.author):
        raise _not_from_away(books)
    return True


def check_result_access(books: Books, incoming: Incoming, result: Result) -> None:
    """Refuse what another site tells, unasked, of something confidential.

    A worker there that has begun an order before somebody declared it confidential may end it.

    Raises:
        Refusal: It may not.
    """
    guard = books.guard
    if not guard.active or not guard.is_away(incoming.author):
        return
    if (result.quantity, result.method) == DECLARATION:
        return  # `check_declaration` knows better words
    if result.request is not None and guard.hides_request(str(result.request)):
        return
    if guard.of_new(EntryKind.RESULT, incoming.body).confidential:
        raise _not_from_away(books)


def check_declaration(books: Books, incoming: Incoming, result: Result) -> None:
    """Refuse a declaration that does not make sense, or is not its author's to make.

    Raises:
        Refusal: Says which.
    """
    if (result.quantity, result.method) != DECLARATION:
        return
    if result.request is not None or result.outcome != "resolved":
        raise Refusal(
            "result",
            "a declaration of access is told by a person: nobody orders one, and none fails",
            where="request",
            remedy="labmesh access set",
        )  # fmt: skip
    try:
        said = validate(DeclarationOutput, result.data, where="data")
        said.check(datetime.fromtimestamp(books.now.wall / 1e9, tz=UTC).date())
    except BodyError as error:
        raise Refusal("data", error.what, where=error.where or "data") from None
    except ValueError as error:
        raise Refusal("data", str(error), where="data.embargo") from None
    about = (result.parameters.get("subject"), result.parameters.get("name"))
    if about != (said.subject, said.name):
        raise Refusal(
            "data",
            f"the parameters name {about[0]} {about[1]}, the data {said.subject} {said.name}",
            where="data.name",
        )  # fmt: skip
    if result.samples or result.campaign not in (None, said.name):
        raise Refusal(
            "data", "a declaration says who may have something, and nothing else",
            where="samples" if result.samples else "campaign",
        )  # fmt: skip
    if said.subject == "result" and not _known(books, said.name):
        raise Refusal(
            "result", f"no result {said.name} is known", where="data.name",
            remedy="see labmesh result list",
        )  # fmt: skip
    books.guard.wake(books.store, books.batch.rows)
    _check_declarer(books, incoming.author, said)


def _check_declarer(books: Books, author: str, said: DeclarationOutput) -> None:
    """What is confidential is declared where it stays; nobody elsewhere loosens what others said.

    Raises:
        Refusal: The author is of another site.
    """
    guard = books.guard
    if not guard.is_away(author):
        return
    before = guard.of_subject(said.subject, said.name)
    if before.confidential or said.strictness is Level.CONFIDENTIAL:
        raise Refusal(
            "access",
            f"what is confidential stays at site {guard.here}, where this ledger is, and is "
            "declared there",
            where="data.level",
            remedy=f"ask an operator of {guard.here}; what your own site must not give away "
            "belongs into a ledger of your own site, see docs/access.md",
        )
    declarer = guard.declarer(said.subject, said.name)
    if declarer not in ("", author.partition("/")[0]):
        raise Refusal(
            "access", f"site {declarer} has declared this", where="data.name",
            remedy=f"ask an operator of {declarer} or {guard.here}",
        )  # fmt: skip


def _known(books: Books, uuid: str) -> bool:
    return uuid in books.batch.result_states or books.store.result(uuid) is not None


def after_declaration(books: Books) -> None:
    """Look anew at what waits, and take back orders elsewhere that have not begun."""
    guard = books.guard
    waiting = books.queue.keys()
    for key in waiting:
        books.requeue(key)
    for request in list(books.live.values()):
        order = request.order
        if (
            request.status is not Status.RESERVED
            or order is None
            or not guard.is_away(order.worker)
        ):
            continue
        if guard.hides_request(request.id):
            words = f"confidential: taken back from {order.worker}, it stays at site {guard.here}"
            books.change(request, Status.PENDING, words)


def _not_from_away(books: Books) -> Refusal:
    return Refusal(
        "access",
        _HOME_ALONE.format(books.guard.here),
        remedy=f"ask somebody at {books.guard.here}, or choose another campaign",
    )
