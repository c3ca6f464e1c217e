"""Answers of the reading services, each from one short read transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from messages.chain import GENESIS
from messages.envelope import unpack
from messages.errors import CallRefusedError
from messages.ledger import ResultStatus, Status
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker import _views as v
from nodes.broker._pages import fill, newest_that_fit, plain
from nodes.broker._row import Row
from nodes.broker._sight import EVERYTHING, WITHHELD, Sight
from nodes.broker.store import _tables as t
from nodes.broker.store import tenant_uuid

_J = t.JOURNAL.c

_SPAN: Final = 20_000
"""Most entries that one call looks at for those of a rare kind; some hundredths of a second."""

_STEP: Final = 200
"""Rows read at a time for whoever does not see all of them."""

_UUID_LENGTH: Final = 36
"""Characters of a whole uuid."""

_RELATIVES: Final = 100
"""Most parents, and most children, of one answer: with a page of states it still travels."""


def head(connection: Connection, _arguments: a.NoFilter, _sight: Sight = EVERYTHING) -> JsonObject:
    """``ledger.head``: {offset, hash}."""
    row = connection.execute(select(_J.offset, _J.hash).order_by(_J.offset.desc()).limit(1)).first()
    return {"offset": row[0], "hash": row[1]} if row else {"offset": -1, "hash": GENESIS}


def stats(connection: Connection, arguments: a.NoFilter, _sight: Sight = EVERYTHING) -> JsonObject:
    """``ledger.stats``: {entries, kinds, requests, results, offers, samples}."""
    return {
        "entries": head(connection, arguments)["offset"] + 1,
        "requests": _counts(connection, t.REQUESTS.c.status, Status, Status.RESOLVED),
        "results": _counts(connection, t.RESULTS.c.status, ResultStatus, ResultStatus.ORIGINAL),
        "offers": _count(connection, select(t.OFFERS).where(t.OFFERS.c.is_active.is_(True))),
        "samples": _count(connection, select(t.SAMPLES.c.sample)),
    }


def journal(
    connection: Connection, arguments: a.JournalArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``journal.read``: {entries, next, head}. ``next`` is the offset to go on from.

    Of some kinds a call looks at no more than `_SPAN` entries: a page may hold none of them and
    others follow all the same.
    """
    last_entry = head(connection, a.NoFilter())
    statement = select(t.JOURNAL).where(_J.offset >= arguments.from_)
    end = last_entry["offset"] + 1
    if arguments.kinds is not None:
        end = min(end, arguments.from_ + _SPAN)
        kinds = [kind.value for kind in arguments.kinds]
        statement = statement.where(_J.kind.in_(kinds), _J.offset < end)
    found = connection.execute(statement.order_by(_J.offset).limit(arguments.limit + 1))
    rows = (Row(tuple(row), unpack(row.body)) for row in found)
    page, last = fill(((row.offset, _entry(row, sight)) for row in rows), arguments.limit)
    following = end if last is None else last + 1
    more = last is not None or end <= last_entry["offset"]
    return {"entries": page, "next": following if more else None, "head": last_entry}


def requests(
    connection: Connection, arguments: a.RequestsArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.requests``: {requests, next, total}."""
    r = t.REQUESTS.c
    conditions: list[ColumnElement[bool]] = _same(
        (r.quantity, arguments.quantity),
        (r.method, arguments.method),
        (r.campaign, arguments.campaign),
        (r.sample, arguments.sample),
        (r.parent_uuid, _whole(connection, arguments.parent, sight)),
        (r.requesting_tenant_uuid, tenant_uuid(arguments.author) if arguments.author else None),
    )
    if arguments.status is not None:
        conditions.append(r.status.in_([status.value for status in arguments.status]))
    page, after = _page(
        connection,
        t.REQUESTS,
        v.request_view,
        conditions,
        arguments,
        None if sight.whole else lambda row: sight.request(row.uuid),
    )
    total = _total(connection, select(r.uuid).where(*conditions), sight.request, sight)
    return {"requests": page, "next": after, "total": total}


def request(
    connection: Connection, arguments: a.OneArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.request``: {request, log}."""
    row = _one(connection, t.REQUESTS, arguments.id, sight)
    lines = connection.execute(
        select(t.JOURNAL)
        .join(t.STATUS_LOG_REQUEST, t.STATUS_LOG_REQUEST.c.offset == _J.offset)
        .where(t.STATUS_LOG_REQUEST.c.request_uuid == row.uuid)
        .order_by(_J.offset)
    )
    log = [v.log_line(Row(tuple(line), unpack(line.body))) for line in lines]
    return {"request": plain(v.request_view(row)), "log": newest_that_fit(log)}


def results(
    connection: Connection, arguments: a.ResultsArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.results``: {results, next, total}."""
    r = t.RESULTS.c
    asked = arguments.request
    conditions: list[ColumnElement[bool]] = _same(
        (r.quantity, arguments.quantity),
        (r.method, arguments.method),
        (r.campaign, arguments.campaign),
        (r.posting_tenant_uuid, tenant_uuid(arguments.author) if arguments.author else None),
        (r.request_uuid, _one(connection, t.REQUESTS, asked, sight).uuid if asked else None),
    )
    if arguments.sample is not None:
        s = t.SAMPLE_STATES.c
        conditions.append(r.uuid.in_(select(s.result_uuid).where(s.sample == arguments.sample)))
    if arguments.unsolicited is not None:
        none = r.request_uuid.is_(None)
        conditions.append(none if arguments.unsolicited else ~none)
    page, after = _page(
        connection,
        t.RESULTS,
        v.result_view,
        conditions,
        arguments,
        None if sight.whole else lambda row: sight.result(row.uuid),
    )
    total = _total(connection, select(r.uuid).where(*conditions), sight.result, sight)
    return {"results": page, "next": after, "total": total}


def result(
    connection: Connection, arguments: a.OneArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.result``: {result}."""
    row = _one(connection, t.RESULTS, arguments.id, sight)
    view = v.result_view(row)
    told = {step["sample"] for step in view["samples"]}
    s = t.SAMPLE_STATES.c
    made = connection.execute(select(s.sample, s.state).where(s.result_uuid == row.uuid))
    for sample, state in made:
        if sample not in told:
            view["unknown"] = {"sample": sample, "state": state}
    return {"result": plain(view)}


def capabilities(
    connection: Connection, arguments: a.CatalogueArguments, _sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.capabilities``: {capabilities, next}."""
    page, after = _catalogue(connection, t.QUANTITIES, v.capability_view, [], arguments)
    return {"capabilities": page, "next": after}


def offers(
    connection: Connection, arguments: a.CatalogueArguments, _sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.offers``: {offers, next}: those that stand."""
    stands: list[ColumnElement[bool]] = [t.OFFERS.c.is_active.is_(True)]
    page, after = _catalogue(connection, t.OFFERS, v.offer_view, stands, arguments)
    return {"offers": page, "next": after}


def samples(
    connection: Connection, arguments: a.SamplesArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.samples``: {samples, next, total}."""
    c, p = t.SAMPLES.c, t.SAMPLE_PARENTS.c
    conditions: list[ColumnElement[bool]] = _same(
        (c.kind, arguments.kind), (c.label, arguments.label), (c.location, arguments.location)
    )
    if arguments.parent is not None:
        conditions.append(c.sample.in_(select(p.sample).where(p.parent == arguments.parent)))
    if arguments.child is not None:
        conditions.append(c.sample.in_(select(p.parent).where(p.sample == arguments.child)))
    view: v.View = v.sample_line
    seen: Callable[[Any], bool] | None = None
    by_state = arguments.label is not None or arguments.location is not None
    asked_for = arguments.child is None or sight.sample(arguments.child)
    if not sight.whole:
        view = lambda row: _masked(v.sample_line(row), sight)  # noqa: E731
        seen = lambda row: asked_for and _shows(row.sample, sight, by_state)  # noqa: E731
    page, after = _page(connection, t.SAMPLES, view, conditions, arguments, seen)
    total = _total(
        connection,
        select(c.sample).where(*conditions),
        lambda each: asked_for and _shows(each, sight, by_state),
        sight,
    )
    return {"samples": page, "next": after, "total": total}


def sample(
    connection: Connection, arguments: a.SampleArguments, sight: Sight = EVERYTHING
) -> JsonObject:
    """``query.sample``: {sample, states}."""
    row = connection.execute(select(t.SAMPLES).where(t.SAMPLES.c.sample == arguments.id)).first()
    if row is None or not sight.sample(arguments.id):
        raise _not_found("sample", arguments.id)
    p, r = t.SAMPLE_PARENTS.c, t.RESULTS.c
    parents = connection.scalars(select(p.parent).where(p.sample == arguments.id)).all()
    children = connection.scalars(select(p.sample).where(p.parent == arguments.id)).all()
    children = [each for each in children if sight.sample(each)]
    states = connection.execute(
        select(
            _J.offset,
            _J.body,
            t.SAMPLE_STATES.c.result_uuid,
            t.TENANTS.c.name.label("result_author"),
            r.quantity.label("result_quantity"),
            r.method.label("result_method"),
            r.outcome.label("result_outcome"),
        )
        .join(t.SAMPLE_STATES, t.SAMPLE_STATES.c.offset == _J.offset)
        .join(t.RESULTS, r.uuid == t.SAMPLE_STATES.c.result_uuid)
        .join(t.TENANTS, t.TENANTS.c.uuid == r.posting_tenant_uuid)
        .where(t.SAMPLE_STATES.c.sample == arguments.id)
        .order_by(_J.offset)
    )
    seen = [state for state in states if sight.state(arguments.id, state.result_uuid)]
    found = _masked(v.sample_view(row, list(parents), list(children), _RELATIVES), sight)
    return {
        "sample": plain(found),
        "states": newest_that_fit([v.sample_state_view(state) for state in seen]),
    }


def _page(
    connection: Connection,
    table: Table,
    view: v.View,
    conditions: list[ColumnElement[bool]],
    arguments: a.RequestsArguments | a.ResultsArguments | a.SamplesArguments,
    seen: Callable[[Any], bool] | None = None,
) -> tuple[list[JsonObject], int | None]:
    if seen is not None:
        rows = _seen(connection, table, conditions, arguments, seen)
        return fill(((row.offset, view(row)) for row in rows), arguments.limit)
    found = _rows(connection, table, conditions, arguments, arguments.after, arguments.limit + 1)
    return fill(((row.offset, view(row)) for row in found), arguments.limit)


def _seen(
    connection: Connection,
    table: Table,
    conditions: list[ColumnElement[bool]],
    arguments: a.RequestsArguments | a.ResultsArguments | a.SamplesArguments,
    seen: Callable[[Any], bool],
) -> Iterator[Any]:
    """Yield the rows that whoever asks may see; reads on until as many are found as are taken."""
    after = arguments.after
    while rows := _rows(connection, table, conditions, arguments, after, _STEP):
        yield from filter(seen, rows)
        after = rows[-1].offset


def _rows(
    connection: Connection,
    table: Table,
    conditions: list[ColumnElement[bool]],
    arguments: a.RequestsArguments | a.ResultsArguments | a.SamplesArguments,
    after: int | None,
    limit: int,
) -> Sequence[Any]:
    offset = table.c.offset
    order = offset.desc() if arguments.newest_first else offset.asc()
    # Which rows, first: where a database must sort many it sorts their offsets alone.
    which = select(offset).where(*conditions)
    if after is not None:
        which = which.where(offset < after if arguments.newest_first else offset > after)
    which = which.order_by(order).limit(limit)
    return connection.execute(_joined(table).where(offset.in_(which)).order_by(order)).all()


def _catalogue(
    connection: Connection,
    table: Table,
    view: v.View,
    conditions: list[ColumnElement[bool]],
    arguments: a.CatalogueArguments,
) -> tuple[list[JsonObject], int | None]:
    conditions = conditions + _same(
        (table.c.quantity, arguments.quantity), (table.c.method, arguments.method)
    )
    if arguments.after is not None:
        conditions.append(table.c.offset > arguments.after)
    found = connection.execute(_joined(table).where(*conditions).order_by(table.c.offset))
    return fill(((row.offset, view(row)) for row in found), 500)


def _joined(table: Table) -> Select[Any]:
    """A projection with its journal entry's own columns."""
    return select(
        table,
        _J.author.label("entry_author"),
        _J.stamp.label("entry_stamp"),
        _J.load_time.label("entry_load_time"),
        _J.body.label("entry_body"),
    ).join(t.JOURNAL, _J.offset == table.c.offset)


def _one(connection: Connection, table: Table, beginning: str, sight: Sight) -> Any:
    uuid = table.c.uuid
    # Every character of a uuid sorts before "g".
    statement = _joined(table).where(uuid >= beginning, uuid < beginning + "g")
    what = "request" if table is t.REQUESTS else "result"
    sees = sight.request if table is t.REQUESTS else sight.result
    with connection.execute(statement.limit(2 if sight.whole else _STEP)) as rows:
        found = [row for row in rows if sees(row.uuid)]
    if not found:
        raise _not_found(what, beginning)
    if len(found) > 1:
        raise CallRefusedError(
            f"more than one {what} begins with {beginning!r}",
            remedy="give more of its uuid",
            code="ambiguous",
        )
    return found[0]


def _whole(connection: Connection, beginning: str | None, sight: Sight) -> str | None:
    """Return a request's uuid; a whole one as it is, for it may be of another lab's ledger."""
    if beginning is None or len(beginning) == _UUID_LENGTH:
        return beginning
    return str(_one(connection, t.REQUESTS, beginning, sight).uuid)


def one_result(connection: Connection, beginning: str, sight: Sight = EVERYTHING) -> Any:
    """Return the row of the result whose uuid begins so.

    Raises:
        CallRefusedError: There is none, or more than one.
    """
    return _one(connection, t.RESULTS, beginning, sight)


def _same(*pairs: tuple[Any, Any]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _count(connection: Connection, statement: Select[Any]) -> int:
    return int(connection.scalar(select(func.count()).select_from(statement.subquery())) or 0)


def _total(
    connection: Connection, ids: Select[Any], seen: Callable[[str], bool], sight: Sight
) -> int:
    """Count what matches; for whoever does not see everything one by one."""
    if sight.whole:
        return _count(connection, ids)
    return sum(1 for each in connection.scalars(ids) if seen(each))


def _entry(row: Row, sight: Sight) -> JsonObject:
    """Return an entry; where its body is withheld with its hash, so that the chain is whole."""
    item = row.entry().model_dump()
    if not sight.entry(row):
        item |= {"body": None, "body_hash": row.body_hash}
    return item


def _shows(sample: str, sight: Sight, by_state: bool) -> bool:
    """Tell whether a sample is listed; who asks by a last state learns nothing of a hidden one."""
    return sight.sample(sample) and (not by_state or sight.last_state(sample))


def _masked(view: JsonObject, sight: Sight) -> JsonObject:
    """Return a sample's view without a last state that may not be seen."""
    if sight.last_state(view["sample"]):
        return view
    return {**view, "label": WITHHELD, "location": ""}


def _counts(
    connection: Connection, column: Any, every: type[StrEnum], usual: StrEnum
) -> dict[str, int]:
    """Count rows by status; those of the ``usual`` one, the most, by what the others leave."""
    others = [status.value for status in every if status is not usual]
    found = connection.execute(
        select(column, func.count()).where(column.in_(others)).group_by(column)
    )
    counts = {str(name): int(count) for name, count in found}
    rest = _count(connection, select(column)) - sum(counts.values())
    return {**counts, **({usual.value: rest} if rest else {})}


def _not_found(what: str, wanted: str) -> CallRefusedError:
    return CallRefusedError(
        f"the ledger has no {what} {wanted!r}", remedy=f"see labmesh {what} list", code="not_found"
    )
