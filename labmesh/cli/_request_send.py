"""``labmesh request send``."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import click

from labmesh.cli._data import read_map, settings
from labmesh.cli._follow import follow
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._patience import patiently
from labmesh.cli._records import MeshRecords
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._watch import watching
from messages.errors import ConfigurationError
from messages.ids import new_id
from messages.ledger import FromState


@click.command("send")
@click.argument("quantity")
@click.argument("method")
@click.option(
    "--parameters", "-p", "file", metavar="FILE", help="YAML or JSON file; - is standard input."
)
@click.option(
    "--set", "-s", "given", metavar="NAME=VALUE", multiple=True,
    help="A parameter, a.b=1 or list.0.x=2; VALUE is YAML; wins over the file.",
)  # fmt: skip
@click.option("--campaign", metavar="NAME", help="The campaign it belongs to.")
@click.option(
    "--priority", metavar="0-9", type=click.IntRange(0, 9), default=5, show_default=True,
    help="9 is served first.",
)  # fmt: skip
@click.option(
    "--attempts", metavar="N", type=click.IntRange(1, 100), default=3, show_default=True,
    help="How many workers may try.",
)  # fmt: skip
@click.option(
    "--expires", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Nobody shall begin it after S seconds.",
)  # fmt: skip
@click.option(
    "--from-state", metavar="SAMPLE:STATE", help="The state the sample must be in, cell-7:2."
)
@click.option("--parent", metavar="ID", help="The request in whose service it is asked.")
@click.option(
    "--id", "identity", type=click.UUID, help="Its uuid; sending it twice is one request."
)
@click.option(
    "--queue", is_flag=True, help="Wait for an offer where none fits now, instead of a refusal."
)
@click.option("--wait", is_flag=True, help="Wait for the result and show it.")
@click.option("--feedback", "-f", is_flag=True, help="Show how it goes; waits, too.")
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait for the result; the request itself goes on.",
)  # fmt: skip
@mesh_command
async def send(
    session: Session,
    quantity: str,
    method: str,
    *,
    file: str | None,
    given: tuple[str, ...],
    campaign: str | None,
    priority: int,
    attempts: int,
    expires: float | None,
    from_state: str | None,
    parent: str | None,
    identity: UUID | None,
    queue: bool,
    wait: bool,
    feedback: bool,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Send a request, and return once the ledger has it for good; prints its id.

    With --wait or --feedback the result is shown; the exit code is 1 when there is none.
    """
    await ask(
        session,
        quantity,
        method,
        settings(given, read_map(file, what="parameters") if file else {}),
        id=identity,
        wait=wait or feedback,
        feedback=feedback,
        timeout=timeout,
        expires=expires,
        options={
            "campaign": campaign,
            "priority": priority,
            "attempts": attempts,
            "wait": queue,
            "from_state": _from_state(from_state),
        },
        parent=parent,
    )


async def ask(
    session: Session,
    quantity: str,
    method: str,
    parameters: dict[str, Any],
    *,
    id: UUID | None = None,  # noqa: A002
    wait: bool,
    feedback: bool,
    timeout: float | None,  # noqa: ASYNC109
    expires: float | None = None,
    options: dict[str, Any],
    parent: str | None = None,
) -> None:
    """Send a request; print its id, or with ``wait`` its result, and its news with ``feedback``.

    Args:
        session: Where to, and how to answer.
        quantity: What to ask for.
        method: By which method.
        parameters: Of the request.
        id: Its uuid, a new one by default.
        wait: Whether to wait for the result.
        feedback: Whether to show how it goes meanwhile.
        timeout: Seconds to wait for the result; the request itself goes on.
        expires: Seconds from now after which nobody shall begin it, however wrong the clock here.
        options: As those of `labmesh.client.LabClient.submit`.
        parent: The request in whose service it is asked: its uuid, or a beginning of it.

    Raises:
        RefusedError: The ledger refused it.
        RequestFailedError: It ended without a result.
        CallTimeoutError: Nobody answered in time, or it did not end within ``timeout`` seconds.
    """
    from labmesh.client import requester

    me = id or new_id()
    async with session.visit() as visitor, requester(visitor) as lab:
        ledger = await check_ledger_online(visitor, patience=session.patience)
        if expires is not None:
            answer = await visitor.caller.call(ledger, "node.ping", {}, timeout=session.patience)
            # The ledger's own time, which it compares with.
            wall = answer.get("wall", time.time_ns())
            options = {**options, "expires": wall + int(expires * 1e9)}
        source = MeshRecords(visitor, lab.ledger, session.patience)
        if parent is not None:
            options = {**options, "parent": await whole_id(source, parent)}
        async with watching(visitor, lab.ledger, source, me) as news:
            handle = await patiently(
                session,
                lab.submit(quantity, method, parameters, id=me, **options),
                f"{lab.ledger} has not answered",
                f"it may yet take the request: see `labmesh request show {me}`, or send it again "
                f"with --id {me}",
            )
            accepted = {"request": str(me), "offset": handle.offset}
            if not wait:
                if session.out.as_json:
                    session.out.document(accepted)
                else:
                    session.out.text(str(me))
                return
            if feedback and session.out.as_json:
                session.out.json_line({"event": "accepted", **accepted})
            elif not session.out.as_json:
                session.out.remark(f"request {me}")
            await follow(session, source, news, me, feedback=feedback, timeout=timeout)


async def whole_id(source: MeshRecords, identity: str) -> UUID:
    """Return a request's uuid; a whole one as it is, for it may be of another lab's ledger.

    Raises:
        CallRefusedError: No request begins so, or more than one.
    """
    try:
        return UUID(identity)
    except ValueError:
        reply = await source.query("query.request", {"id": identity})
    return UUID(str(reply["request"]["id"]))


def _from_state(text: str | None) -> FromState | None:
    if text is None:
        return None
    sample, colon, state = text.rpartition(":")
    if not colon or not state.isdecimal():
        raise ConfigurationError(
            f"--from-state {text!r} is not SAMPLE:STATE", remedy="write cell-7:2"
        )
    return FromState(sample=sample, state=int(state))
