"""What a sample was made of, and what was made of it: a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from labmesh.cli._format import one_line, when
from labmesh.cli._records import Records
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.model import JsonObject
from messages.query import SampleStateView, SampleView
from messages.sample_state import INSPECTION

MOST: Final = 1000
"""Samples of a tree; a lot from which thousands of cells were made has more."""


async def ancestry(source: Records, sample: str, *, down: bool = False) -> JsonObject:
    """Return a sample with its states and, below it, its relatives, each sample once in full.

    Args:
        source: The ledger.
        sample: Its id.
        down: Follow what was made of it, instead of what it was made of.

    Raises:
        LabmeshError: There is no such sample, or the tree has more than `MOST`.
    """
    seen: set[str] = set()

    async def look(name: str) -> JsonObject:
        if name in seen:
            return {"sample": name, "again": True}
        seen.add(name)
        if len(seen) > MOST:
            raise LabmeshError(
                f"more than {MOST} samples hang together",
                where=sample,
                remedy="labmesh sample list --made-of lists them",
            )
        reply = await source.query("query.sample", {"id": name})
        view = validate(SampleView, reply["sample"], where="sample")
        relatives = view.children if down else view.parents
        total = view.children_total if down else view.parents_total
        return {
            **reply,
            "relatives": [await look(each) for each in relatives],
            "more": total - len(relatives),
        }

    return await look(sample)


def tree_lines(node: JsonObject, indent: str = "") -> Iterator[str]:
    """Yield a line a sample and a line a state, relatives below their sample."""
    if node.get("again"):
        yield f"{indent}{node['sample']} (see above)"
        return
    view = validate(SampleView, node["sample"], where="sample")
    yield f"{indent}{view.sample}  {view.kind}"
    for each in node["states"]:
        state = validate(SampleStateView, each, where="state")
        place = f"  at {state.location}" if state.location else ""
        yield (
            f"{indent}  {state.state} {state.label}{place}  {when(state.at)}  "
            f"{_capability(state)} by {state.author}{_details(state)}, result {state.result}"
        )
    for relative in node["relatives"]:
        yield from tree_lines(relative, indent + "    ")
    if node["more"] > 0:
        yield f"{indent}    and {node['more']} more"


def made_by(state: SampleStateView) -> str:
    """Return in words what made a state: the capability, and what its result says of it."""
    return _capability(state) + _details(state)


def _capability(state: SampleStateView) -> str:
    failed = ", failed" if state.outcome == "failed" else ""
    return f"{state.quantity}/{state.method}{failed}"


def _details(state: SampleStateView) -> str:
    """Return where it was carried from, who decided, and by which protocol."""
    about, words = state.properties, ""
    if about.get("moved"):
        who = about.get("by") or about.get("person")
        words += f", carried from {about.get('from') or 'somewhere'}"
        words += f" by {who}" if who else ""
    if (state.quantity, state.method) == INSPECTION:
        words += f", {about.get('person', '')} decided: {one_line(about.get('reason', ''))}"
    if protocol := about.get("protocol"):
        mark = about.get("protocol_hash")
        words += f", protocol {protocol}" + (f" {str(mark)[:12]}" if mark else "")
    return words
