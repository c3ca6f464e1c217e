"""Whether a cell may be cycled now: what the ledger says of its state, its place, its protocols."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from labmesh.client import LabClient
from messages.errors import CallRefusedError, OrderError
from messages.ids import NodeId
from messages.ledger import FromState, Status
from messages.location import Location
from messages.protocol import StartState
from messages.sample_state import ENDS, UNKNOWN, resolve_command

Strictness = Literal["off", "site", "node"]
"""Where a cell has to be: anywhere, at the cycler's site, in or at the cycler itself."""

_IN_HAND: Final = [
    each.value for each in (Status.RESERVED, Status.RUNNING, Status.CANCELING, Status.HELD)
]


@dataclass(frozen=True, slots=True)
class CellNow:
    """A cell as the ledger knows it.

    Attributes:
        state: Number of its last state; None where the ledger has no such sample.
        label: Of that state.
        location: Where it was then, in words.
    """

    state: int | None = None
    label: str = ""
    location: str = ""


async def look_up(lab: LabClient, sample: str) -> CellNow:
    """Return a cell as the ledger knows it; errors as of `LabClient.query`."""
    try:
        found = (await lab.query("query.sample", {"id": sample}))["sample"]
    except CallRefusedError as error:
        if error.code != "not_found":
            raise
        return CellNow()
    return CellNow(found["state"], found["label"], found["location"])


def place_of(node: NodeId, channel: int) -> str:
    """Return where a cell in a channel is, as states say it."""
    return Location(address=node.site, detail_1=node.node, detail_2=f"channel {channel}").text


def check_cell(
    sample: str,
    now: CellNow,
    *,
    name: str,
    wanted: StartState | None,
    start: FromState | None,
    node: NodeId,
    strict: Strictness,
) -> None:
    """Refuse a cell with which a protocol cannot begin.

    Args:
        sample: The cell.
        now: What the ledger knows of it.
        name: Of the protocol.
        wanted: The state the protocol begins from.
        start: The state the request names, which the ledger has compared.
        node: The cycler.
        strict: Where the cell has to be; one that was never located may be anywhere.

    Raises:
        OrderError: Its state is unknown, final, or not the one asked for; it is elsewhere; the
            request names another sample's state.
    """
    if start is not None and start.sample != sample:
        raise OrderError(
            f"the request begins from a state of {start.sample}, and the cell is {sample}",
            where="from_state.sample",
            remedy="name the cell's own last state",
        )
    if now.state is None:
        return
    if now.label == UNKNOWN:
        raise OrderError(
            f"{sample} is in state {now.state}, {UNKNOWN}: nobody can vouch for it",
            where="cell_info.sample",
            remedy=f"look at it, then {resolve_command(sample)}",
        )
    if now.label in ENDS:
        raise OrderError(
            f"{sample} is {now.label}: nothing can be done with it any more",
            where="cell_info.sample",
            remedy="take another cell",
        )
    if wanted is not None and (
        wanted.state not in (None, now.state) or wanted.label not in (None, now.label)
    ):
        asked = " ".join(str(x) for x in (wanted.state, wanted.label) if x is not None)
        raise OrderError(
            f"{name} begins with a cell in state {asked}, and {sample} is in "
            f"state {now.state} ({now.label})",
            where="cell_info.sample",
            remedy="take another cell, or another protocol",
        )
    if strict != "off" and now.location and not lies_at(now.location, node, strict):
        there = node.site if strict == "site" else str(node)
        raise OrderError(
            f"{sample} is not at {there}: the ledger says {now.location}",
            where="cell_info.sample",
            remedy=f"transport it to {there} first (transport/transport_service), or say where it "
            f"is: labmesh sample resolve {sample} --any-state --label {now.label} "
            f"--location PLACE --reason TEXT",
        )


def lies_at(location: str, node: NodeId, strict: Strictness) -> bool:
    """Tell whether a place, in words, is at a site, or at one of its nodes.

    Parts are separated by slashes, or by commas, as earlier versions wrote them.
    """
    parts = [" ".join(each.casefold().split()) for each in re.split(r"[/,]", location)]
    if parts[0] != node.site:
        return False
    if strict == "site":
        return True
    # Earlier versions wrote "kit/cycler channel 3".
    return len(parts) > 1 and re.fullmatch(rf"{node.node}( channel \d+)?", parts[1]) is not None


async def refuse_concurrent(lab: LabClient, sample: str, request: UUID) -> None:
    """Refuse a second protocol on a cell, wherever in the lab the first one runs.

    Of two that begin at one moment the one whose order is older goes on.

    Raises:
        OrderError: Another request of this capability has the cell in hand.
    """
    mine: int | None = None
    others: list[Any] = []
    async for view in lab.requests(quantity="capacity", method="cycling", status=_IN_HAND):
        if view.id == request:
            mine = view.token
        elif (view.parameters.get("cell_info") or {}).get("sample") == sample:
            others.append(view)
    for view in others:
        if mine is None or view.token is None or view.token < mine:
            raise OrderError(
                f"{view.parameters.get('cycling_protocol')!r} runs on {sample} now: request "
                f"{view.id} at {view.worker} is {view.status.value}",
                where="cell_info.sample",
                remedy="wait for its end; requests that name the state they begin from "
                "(from_state) wait for one another",
            )
