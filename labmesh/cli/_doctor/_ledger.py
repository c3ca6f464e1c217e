"""The ledger: whether it answers, goes on, and waits for somebody."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from labmesh.cli._doctor._look import Look
from labmesh.client import Visitor
from labmesh.listing import retained
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.ledger import Head
from messages.query import RequestView, SampleLine
from messages.sample_state import UNKNOWN, resolve_command

_BETWEEN: Final = 1.0
"""Wall seconds between two looks at the head: it is published some ten times a second."""

_NAMED: Final = 5
"""Requests and samples that are named one by one."""


async def ledger(visitor: Visitor, look: Look, patience: float) -> list[Finding]:
    """Check the ledger of this site's requesters."""
    name = visitor.place.need_ledger()
    node = look.nodes.get(name)
    if node is None or node.state != "online":
        how = f"is {node.state}" if node else "was never there"
        remedy = f"labmesh launch restart {name}, or labmesh run broker --name {name.node}"
        return [fail("ledger", f"the broker node {name} {how}: no request is taken", remedy)]
    try:
        first = await visitor.caller.call(name, "ledger.head", {}, timeout=patience)
        stats = await visitor.caller.call(name, "ledger.stats", {}, timeout=patience)
    except LabmeshError as error:
        remedy = f"labmesh node info {name}; labmesh launch restart {name}"
        return [fail("ledger", f"{name} does not answer: {error.what}", remedy)]
    found = [*await _held(visitor, stats, patience), *await _unknown(visitor, patience)]
    published, written = look.heads.get(name), int(first["offset"])
    if published is not None and published.offset < written:
        # What it told just now may have come after our look.
        await asyncio.sleep(_BETWEEN)
        topic = visitor.mesh.topics.of(name, "head")
        heads = await retained(visitor.mesh, topic, Head, timeout=patience)
        if all(head.offset < written for _, head in heads):
            what = f"{name} has entry {written} and tells of {published.offset}: it is stuck"
            found.append(fail("ledger", what, f"labmesh launch restart {name}"))
    entries = f"{stats['entries']} entries, {stats['samples']} samples, {stats['offers']} offers"
    found.append(fine("ledger", f"{name} answers: {entries}", head=first, stats=stats))
    return found


async def _held(visitor: Visitor, stats: dict[str, Any], patience: float) -> list[Finding]:
    """Name the requests that wait for a person, each with what to type."""
    total = int(stats["requests"].get("held", 0))
    if not total:
        return []
    arguments = {"status": ["held"], "limit": _NAMED}
    page = await visitor.caller.call(
        visitor.place.need_ledger(), "query.requests", arguments, timeout=patience
    )
    found = []
    for each in page["requests"]:
        view = validate(RequestView, each, where="request")
        words = (
            f"{view.id} is held: {view.worker} vanished in mid-action of "
            f"{view.quantity}/{view.method}, a person must decide"
        )
        remedy = (
            f"look at {view.worker}, then labmesh request release {view.id} --reason TEXT, or "
            f"labmesh request abandon {view.id} --reason TEXT"
        )
        found.append(warn("requests", words, remedy, held=total))
    if total > len(found):
        more = f"{total - len(found)} more are held"
        found.append(warn("requests", more, "labmesh request list --status held", held=total))
    return found


async def _unknown(visitor: Visitor, patience: float) -> list[Finding]:
    """Name the samples that nobody can vouch for, each with what to type."""
    arguments = {"label": UNKNOWN, "limit": _NAMED}
    page = await visitor.caller.call(
        visitor.place.need_ledger(), "query.samples", arguments, timeout=patience
    )
    found, total = [], int(page["total"])
    for each in page["samples"]:
        line = validate(SampleLine, each, where="sample")
        place = f", last seen at {line.location}" if line.location else ""
        words = f"{line.kind} {line.sample} is {UNKNOWN} since state {line.state}{place}"
        remedy = f"look at it, then {resolve_command(line.sample)}"
        found.append(warn("samples", words, remedy, unknown=total))
    if total > len(found):
        more = f"{total - len(found)} more samples are {UNKNOWN}"
        found.append(warn("samples", more, "labmesh sample list --unknown", unknown=total))
    return found
