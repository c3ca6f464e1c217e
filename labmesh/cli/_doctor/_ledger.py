"""The ledger: whether it answers, goes on, and waits for somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from labmesh.cli._doctor._look import Look
from labmesh.client import Visitor
from labmesh.listing import retained
from messages.errors import LabmeshError
from messages.ledger import Head

_BETWEEN: Final = 1.0
"""Wall seconds between two looks at the head: it is published some ten times a second."""


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
    found = list(_waiting(stats))
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


def _waiting(stats: dict[str, Any]) -> Iterator[Finding]:
    held = int(stats["requests"].get("held", 0))
    if held:
        yield warn(
            "requests", f"{held} held: an instrument vanished in mid-action, a person must decide",
            "labmesh request list --status held", held=held,
        )  # fmt: skip
