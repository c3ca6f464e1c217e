"""``labmesh estop``: the emergency stop."""

from __future__ import annotations

from typing import Final

import click

from labmesh.cli._estop_press import press
from labmesh.cli._format import when
from labmesh.cli._instruments import COLUMNS, instruments, standing_stops
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import AT_A_GLANCE, pick, survey
from labmesh.cli._verbs import Verbs, dressed
from messages.errors import LabmeshError, PublishRefusedError

_HELP: Final = ("-h", "--help")


class Pressable(Verbs):
    """A group that presses when no verb of its own is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden verb in front where none is given."""
        if not args or (args[0] not in self.commands and args[0] not in _HELP):
            args = ["press", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb; whatever is none is a node's name, to be pressed."""
        return super().get_command(ctx, cmd_name) or dressed(ctx, press)


@click.group(cls=Pressable, invoke_without_command=True)
def command() -> None:
    """Stop instruments at once: `labmesh estop [NODE]... [--at SITE] [--all] [--reason WHY]`.

    Without any named it stops everything at the own site. It is no substitute for the hardware's
    own emergency stop. `labmesh estop press --help` shows all options.
    """


@command.command("status")
@click.argument("name", metavar="[NODE]", required=False)
@mesh_command
async def status(session: Session, name: str | None) -> None:
    """Show the stops that stand and how the instruments are; of NODE also its steps in doubt."""
    out = session.out
    async with session.visit() as visitor:
        stops = await standing_stops(visitor.mesh, patience=session.patience)
        seen = [each.view() for each in await instruments(visitor.mesh, patience=session.patience)]
        story = None
        if name:
            nodes = await survey(visitor.mesh, parts=AT_A_GLANCE, patience=session.patience)
            node = pick(name, visitor.place, nodes).id
            seen = [view for view in seen if view["instrument"] == str(node)]
            story = await visitor.caller.call(
                node, "instrument.journal", {"limit": 1}, timeout=session.patience
            )
    shown = [
        {"stops": s.where, "from": s.author, "by": s.by, "since": s.stamp, "reason": s.reason}
        for s in stops
    ]
    if out.as_json:
        out.document({"stops": shown, "instruments": seen, **({"node": story} if story else {})})
        return
    out.table(
        ("stops", "from", "by", "since", "reason"),
        [(s.where, s.author, s.by, when(s.stamp), s.reason) for s in stops],
        empty="no emergency stop stands",
    )
    out.table(COLUMNS, [[view[c] for c in COLUMNS] for view in seen], empty="no instrument")
    for step in story["in_doubt"] if story else ():
        out.heading(f"\nstep {step['id']} is in doubt: {step['key']} ({step['kind']})")
        out.pairs((("request", step["request"]), ("intent", step["intent"])))
        out.text(
            f"look at it, then: labmesh estop resolve {name} {step['id']} done|not_done --by YOU"
        )


@command.command("reset")
@click.argument("names", metavar="NODE...", nargs=-1, required=True)
@click.option("--by", required=True, metavar="PERSON", help="Who has looked at the instrument.")
@click.option("--reason", default="", help="What was found and done.")
@mesh_command
async def reset(session: Session, names: tuple[str, ...], *, by: str, reason: str) -> None:
    """Acknowledge stops and faults by name, on each NODE: it may move again."""
    arguments = {"acknowledged_by": by, "reason": reason}
    answers = []
    async with session.visit() as visitor:
        nodes = await survey(visitor.mesh, parts=AT_A_GLANCE, patience=session.patience)
        for each in [pick(name, visitor.place, nodes) for name in names]:
            answer = await visitor.caller.call(
                each.id, "instrument.reset", arguments, timeout=max(session.patience, 30)
            )
            answers.append({"instrument": str(each.id), **answer})
    if session.out.as_json:
        session.out.document(answers)
        return
    for answer in answers:
        node, condition, reason = answer["instrument"], answer["condition"], answer["reason"]
        session.out.text(f"{node} is {condition}" + (f": {reason}" if reason else ""))
        if answer["in_doubt"]:
            session.out.text(f"labmesh estop status {node} shows what to look at")
        elif answer["state"] != "active":
            steps = ["activate"] if answer["state"] == "inactive" else ["configure", "activate"]
            next_ = ", then ".join(f"labmesh lifecycle set {node} {step}" for step in steps)
            session.out.text(f"it is {answer['state']}: {next_}")


@command.command("resolve")
@click.argument("name", metavar="NODE")
@click.argument("step", type=int)
@click.argument("outcome", type=click.Choice(["done", "not_done"]))
@click.option("--by", required=True, metavar="PERSON", help="Who has looked at the instrument.")
@click.option("--words", default="", help="What was seen.")
@mesh_command
async def resolve(
    session: Session, name: str, step: int, outcome: str, *, by: str, words: str
) -> None:
    """Say how a step in doubt ended: a resumed request goes on after what is done."""
    arguments = {"step": step, "outcome": outcome, "by": by, "words": words}
    async with session.visit() as visitor:
        nodes = await survey(visitor.mesh, parts=AT_A_GLANCE, patience=session.patience)
        node = pick(name, visitor.place, nodes).id
        answer = await visitor.caller.call(
            node, "instrument.resolve", arguments, timeout=session.patience
        )
    if session.out.as_json:
        session.out.document(answer)
        return
    left = len(answer["in_doubt"])
    session.out.text(f"step {step} is {outcome}; {left} in doubt are left")
    if not left:
        request = answer["step"]["request"]
        session.out.text(f"{node} is {answer['condition']} and {answer['state']}")
        if answer["state"] == "inactive":
            session.out.text(f"when it may move: labmesh lifecycle set {node} activate")
        session.out.text(
            f"if the ledger holds the request, it goes on with: labmesh request release {request}\n"
            f"or ends with: labmesh request abandon {request}"
        )


@command.command("lift")
@mesh_command
async def lift(session: Session) -> None:
    """Take back the stops that stand: who starts from now on may move.

    Whoever has heard one still waits for its reset. Needs the account that pressed, or an
    administrator's.
    """
    refused = []
    async with session.visit() as visitor:
        stops = await standing_stops(visitor.mesh, patience=session.patience)
        for stop in stops:
            try:
                await visitor.mesh.transport.publish(stop.topic, b"", qos=1, retain=True)
            except PublishRefusedError:
                refused.append(stop.author)
    if session.out.as_json:
        session.out.document({"lifted": len(stops) - len(refused), "refused": refused})
    else:
        session.out.text(f"lifted {len(stops) - len(refused)} of {len(stops)}")
    if refused:
        raise LabmeshError(
            f"stops of {', '.join(refused)} still stand",
            remedy="use the account that pressed, or an administrator's (--account)",
        )
