"""``labmesh transport``: what is to be carried, and the chat with those who carry."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from labmesh.cli.extend import (
    ConfigurationError,
    LabmeshError,
    Output,
    Session,
    Verbs,
    json_command,
    mesh_command,
    when,
)

P = ParamSpec("P")

_NODE = click.option(
    "--node", metavar="[SITE/]NODE", default="transport", show_default=True,
    help="The transport node.",
)  # fmt: skip
_PERSON = (
    click.option(
        "--person", metavar="NAME", envvar="LABMESH_TRANSPORT_PERSON",
        help="Who you are (LABMESH_TRANSPORT_PERSON).",
    ),
    click.option(
        "--pin-file", metavar="FILE", envvar="LABMESH_TRANSPORT_PIN_FILE",
        type=click.Path(path_type=Path),
        help="A file with your PIN, for your eyes only; without it you are asked.",
    ),
    click.option(
        "--at", metavar="HOST:PORT", envvar="LABMESH_TRANSPORT_AT",
        help="Where the chat is, if not where the node says.",
    ),
    click.option(
        "--ca", metavar="FILE", type=click.Path(path_type=Path),
        help="Certificate of whom to trust, where the chat speaks TLS.",
    ),
)  # fmt: skip


@click.group(cls=Verbs)
def command() -> None:
    """Samples that people carry: list, take, read codes, deliver, chat."""


def carrier_command(
    function: Callable[Concatenate[Session, P], Awaitable[None]],
) -> Callable[..., None]:
    """Give an async command the mesh's options, and those that say who carries."""

    @functools.wraps(function)
    async def act(session: Session, /, *args: P.args, **options: P.kwargs) -> None:
        await function(session, *args, **options)

    made = mesh_command(act)
    for option in reversed((_NODE, *_PERSON)):
        made = option(made)
    return made


@command.command("list")
@click.option("--over", is_flag=True, help="Also those that have ended, the newest 100.")
@_NODE
@mesh_command
async def list_jobs(session: Session, /, *, over: bool, node: str) -> None:
    """List what is to be carried. Anybody may look; no PIN is needed."""
    from messages.logistics import JobList
    from nodes.transport._reach import asked
    from nodes.transport._words import samples_of

    jobs = (await asked(session, node, "transport.jobs", {"over": over}, JobList)).jobs
    if session.out.as_json:
        session.out.document([job.model_dump(mode="json") for job in jobs])
        return
    session.out.table(
        ("job", "state", "carrier", "samples", "from", "to", "since"),
        [
            (job.number, job.state.value, job.carrier or "", samples_of(job),
             job.origin.text, (job.place or job.destination).text, when(job.created))
            for job in jobs
        ],
        empty="nothing is to be carried",
    )  # fmt: skip


@command.command("show")
@click.argument("job", metavar="JOB")
@_NODE
@mesh_command
async def show(session: Session, /, *, job: str, node: str) -> None:
    """Show a transport and all that happened to it. JOB is its number or its request."""
    from messages.logistics import JobHistory
    from nodes.transport._reach import asked

    found = await asked(session, node, "transport.job", {"job": job}, JobHistory)
    if session.out.as_json:
        session.out.document(found.model_dump(mode="json"))
        return
    one = found.job
    session.out.pairs(
        [
            ("job", one.number), ("state", one.state.value), ("carrier", one.carrier),
            ("samples", ", ".join(one.samples)), ("codes read", ", ".join(one.codes)),
            ("from", one.origin.text), ("to", one.destination.text),
            ("put down", one.place.text if one.place else ""),
            ("instructions", one.instructions), ("note", one.remark), ("why", one.reason),
            ("due", when(one.due) if one.due else ""), ("request", one.request),
        ]
    )  # fmt: skip
    rows = [(when(each.at), each.who, each.what, each.words) for each in found.events]
    session.out.table(("when", "who", "event", "what"), rows, empty="nothing has happened")


async def _say(session: Session, line: str, options: dict[str, Any]) -> None:
    from nodes.transport._reach import reached_chat, who

    person, pin = await who(options.pop("person"), options.pop("pin_file"))
    async with reached_chat(session, person=person, pin=pin, **options) as chat:
        said = await chat.ask(line)
    if session.out.as_json:
        session.out.document(said.values.get("job", {"text": said.words}))
    else:
        session.out.text(said.words)


@command.command("take")
@click.argument("job", metavar="JOB")
@carrier_command
async def take(session: Session, /, *, job: str, **options: Any) -> None:
    """Say that you will carry it."""
    await _say(session, f"take {job}", options)


@command.command("pick")
@click.argument("job", metavar="JOB")
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@carrier_command
async def pick(session: Session, /, *, job: str, codes: tuple[str, ...], **options: Any) -> None:
    """Pick samples up: the code of each. Takes the transport, too, if nobody has."""
    await _say(session, " ".join(("pick", job, *codes)), options)


@command.command("done")
@click.argument("job", metavar="JOB")
@click.option("--place", metavar="PLACE", help="Where, if not at the destination: A / B / C.")
@carrier_command
async def done(session: Session, /, *, job: str, place: str | None, **options: Any) -> None:
    """Say that you have put the samples down, at the destination or elsewhere."""
    await _say(session, f"done {job}; {place}" if place else f"done {job}", options)


@command.command("return")
@click.argument("job", metavar="JOB")
@click.option("--reason", default="", metavar="WORDS", help="Why.")
@carrier_command
async def bring_back(session: Session, /, *, job: str, reason: str, **options: Any) -> None:
    """Say that the samples are back where they were."""
    await _say(session, f"return {job}; {_clean(reason)}", options)


@command.command("problem")
@click.argument("job", metavar="JOB")
@click.argument("reason", metavar="REASON")
@click.option("--place", metavar="PLACE", help="Where the samples are now, once picked up.")
@click.option("--lost", is_flag=True, help="Nobody knows where, or how, they are.")
@carrier_command
async def problem(
    session: Session, /, *, job: str, reason: str, place: str | None, lost: bool, **options: Any
) -> None:
    """Say that it cannot be done, and why."""
    there = "; ?" if lost else f"; {place}" if place else ""
    await _say(session, f"problem {job}; {_clean(reason)}{there}", options)


@command.command("drop")
@click.argument("job", metavar="JOB")
@carrier_command
async def drop(session: Session, /, *, job: str, **options: Any) -> None:
    """Give back what you have taken and not picked up."""
    await _say(session, f"drop {job}", options)


@command.command("give")
@click.argument("job", metavar="JOB")
@click.argument("name", metavar="NAME")
@carrier_command
async def give(session: Session, /, *, job: str, name: str, **options: Any) -> None:
    """Ask somebody to take it over; it is yours until they have."""
    await _say(session, f"give {job} {name}", options)


@command.command("chat")
@carrier_command
async def chat(session: Session, /, **options: Any) -> None:
    """Talk with the node in this terminal: type, or let a scanner type. Ctrl-D leaves."""
    from nodes.transport._terminal import talk

    await talk(session, **options)


@command.command("label")
@click.argument("text", metavar="SAMPLE|PLACE")
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write an image: .svg, .png or .pdf by the name.",
)  # fmt: skip
@json_command
def label(out: Output, *, text: str, output: Path | None) -> None:
    """Print a QR code that a scanner types: of a sample's id, or of a place."""
    from nodes.transport._label import draw, terminal_code

    version = draw(text, output) if output is not None else None
    if out.as_json:
        out.document({"text": text, "file": str(output) if output else None, "version": version})
    elif output is not None:
        out.text(str(output))
    else:
        out.text(terminal_code(text))


@command.group("person", cls=Verbs)
def person() -> None:
    """Who may carry. On the transport node's machine: the file lies in the node's folder."""


@person.command("add")
@click.argument("name", metavar="NAME")
@click.option(
    "--pin-file", metavar="FILE", type=click.Path(path_type=Path),
    help="Take the PIN from this file; without it a new one is made, and shown once.",
)  # fmt: skip
@_NODE
@mesh_command
async def add(session: Session, /, *, name: str, pin_file: Path | None, node: str) -> None:
    """Add somebody, or give them another PIN."""
    import asyncio

    from nodes.transport._people import new_pin
    from nodes.transport._reach import people_of, pin_in

    people = people_of(session, node)
    pin = pin_in(pin_file) if pin_file is not None else new_pin()
    known = name in people.all()
    await asyncio.to_thread(people.add, name, pin)
    shown = {} if pin_file is not None else {"pin": pin}
    if session.out.as_json:
        session.out.document({"person": name, "file": str(people.file), **shown})
        return
    words = "has another PIN" if known else "may carry"
    session.out.text(f"{name} {words}" + (f"; PIN (shown once): {pin}" if shown else ""))


@person.command("list")
@_NODE
@mesh_command
async def people_list(session: Session, /, *, node: str) -> None:
    """List who may carry."""
    from nodes.transport._reach import people_of

    known = people_of(session, node).all().values()
    if session.out.as_json:
        session.out.document([{"person": e.name, "simulated": e.simulated} for e in known])
        return
    rows = [(e.name, "a program (simulated)" if e.simulated else "a person") for e in known]
    session.out.table(("name", "what"), rows, empty="nobody: labmesh transport person add NAME")


@person.command("remove")
@click.argument("name", metavar="NAME")
@_NODE
@mesh_command
async def remove(session: Session, /, *, name: str, node: str) -> None:
    """Remove somebody. Connections of theirs end; what they carry is still theirs to bring."""
    from nodes.transport._reach import people_of

    if not people_of(session, node).remove(name):
        raise ConfigurationError(
            f"nobody is called {name!r}", remedy="labmesh transport person list shows who is"
        )
    if session.out.as_json:
        session.out.document({"person": name, "removed": True})
    else:
        session.out.text(f"{name} may carry no more")


def _clean(words: str) -> str:
    """Return words without what ends a field of the chat's lines."""
    if ";" in words or "\n" in words:
        raise LabmeshError("a reason has no semicolon and no line end", where=words[:80])
    return words
