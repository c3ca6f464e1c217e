"""``labmesh sample resolve``: a person's word on a sample."""

from __future__ import annotations

import difflib
import re
from typing import Any, Final

import click

from labmesh.cli._data import settings
from labmesh.cli._ledger_online import check_ledger_online
from labmesh.cli._patience import patiently
from labmesh.cli._records import MeshRecords
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._user import user_name
from labmesh.client import requester
from messages.envelope import validate
from messages.errors import ConfigurationError, RefusedError
from messages.ids import MAX_NAME, new_id
from messages.ledger import Provenance, Result, SampleStep
from messages.query import SampleLine
from messages.sample_state import (
    INSPECTION,
    LABELS,
    UNKNOWN,
    InspectionInput,
    InspectionOutput,
)

_LABEL: Final = re.compile(rf"[a-z][a-z0-9_-]{{0,{MAX_NAME - 1}}}")


@click.command("resolve")
@click.argument("sample", metavar="SAMPLE")
@click.option("--label", metavar="LABEL", required=True, help="What it is: assembled, formed ...")
@click.option("--reason", metavar="TEXT", required=True, help="What you have seen.")
@click.option("--person", metavar="NAME", help="Who has looked (default: the user's name).")
@click.option("--location", metavar="PLACE", help="Where it is (default: where it was last).")
@click.option(
    "--property", "properties", metavar="NAME=VALUE", multiple=True,
    help="A property of the new state; VALUE is YAML.",
)  # fmt: skip
@click.option(
    "--any-state", is_flag=True, help="Also where its state is known: something was done by hand."
)
@mesh_command
async def resolve(
    session: Session,
    sample: str,
    *,
    label: str,
    reason: str,
    person: str | None,
    location: str | None,
    properties: tuple[str, ...],
    any_state: bool,
) -> None:
    """Say what a sample is that nobody can vouch for (unknown), after looking at it.

    The ledger keeps your word as the sample's next state, and gives the sample to requests again.
    """
    who = person or user_name()
    if not who or not reason.strip():
        raise ConfigurationError(
            "nobody is named" if not who else "no reason is given",
            remedy="say who has looked (--person NAME) and what was seen (--reason TEXT)",
        )
    if not _LABEL.fullmatch(label):
        raise ConfigurationError(
            f"{label!r} is no label",
            remedy="a label is of lower-case letters, digits, _ and -, and begins with a letter",
        )
    given = settings(properties)
    async with session.visit() as visitor, requester(visitor) as lab:
        await check_ledger_online(visitor, patience=session.patience)
        source = MeshRecords(visitor, lab.ledger, session.patience)
        reply = await source.query("query.sample", {"id": sample})
        last = validate(
            SampleLine, {name: reply["sample"][name] for name in SampleLine.model_fields},
            where="sample",
        )  # fmt: skip
        if last.label != UNKNOWN and not any_state:
            raise RefusedError(
                f"sample {sample} is in state {last.state}, {last.label}: there is nothing to "
                "resolve",
                remedy="if something was done to it by hand, say so with --any-state",
            )
        for words in odd_label(last.kind, label):
            session.out.remark(words)
        place = last.location if location is None else location
        result = _word(last, label, place, who, reason, given)
        identity = new_id()
        await patiently(
            session,
            lab.post_result(result, id=identity),
            f"{lab.ledger} has not answered",
            f"it may yet take it: see `labmesh sample show {sample}`",
        )
    step = result.samples[0]
    if session.out.as_json:
        session.out.document({**step.model_dump(), "result": str(identity)})
    else:
        session.out.text(f"{sample} is in state {step.state}, {label}, says {who}")


def odd_label(kind: str, label: str) -> list[str]:
    """Return a warning where a label makes no sense for a kind of sample, as far as we know."""
    words = LABELS.get(kind)
    if label == UNKNOWN:
        return [f"{UNKNOWN}: the sample stays blocked until somebody says what it is"]
    if words is None or label in words:
        return []
    near = difflib.get_close_matches(label, words, 1)
    usual = ", ".join(name for name in words if name != UNKNOWN)
    hint = f"did you mean {near[0]}? " if near else ""
    return [f"warning: {label!r} is no usual state of kind {kind}; {hint}usual are {usual}"]


def _word(
    last: SampleLine, label: str, place: str, person: str, reason: str, given: dict[str, Any]
) -> Result:
    quantity, method = INSPECTION
    where = {} if place == last.location else {"moved": True, "from": last.location}
    step = SampleStep(
        sample=last.sample,
        kind=last.kind,
        state=last.state + 1,
        expects_state=last.state,
        label=label,
        location=place,
        properties={"person": person, "reason": reason, **where, **given},
    )
    found = InspectionOutput(
        sample=last.sample, label=label, person=person, reason=reason, location=place
    )
    return Result(
        quantity=quantity,
        method=method,
        parameters=InspectionInput(sample=last.sample).model_dump(),
        outcome="resolved",
        data=found.model_dump(),
        provenance=Provenance(software="labmesh sample resolve", notes={"person": person}),
        samples=(step,),
    )
