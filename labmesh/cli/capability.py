"""``labmesh capability``: what the lab can be asked for, and who would do it."""

from __future__ import annotations

from typing import Any

import click

from labmesh.cli._format import when
from labmesh.cli._output import Output
from labmesh.cli._records import Records, collect, records
from labmesh.cli._schema_table import field_rows
from labmesh.cli._session import Session, record_command
from labmesh.cli._suggest import unknown
from labmesh.cli._verbs import Verbs
from messages.envelope import validate
from messages.query import CapabilityView, OfferView


@click.group(cls=Verbs)
def command() -> None:
    """Capabilities the ledger knows, and the offers that stand."""


@command.command("list")
@record_command
async def list_capabilities(session: Session) -> None:
    """List the capabilities, and the nodes that offer them."""
    async with records(session) as source:
        capabilities, offers = await _catalogue(source)
    if session.out.as_json:
        session.out.document({"capabilities": capabilities, "offers": offers})
        return
    views = [validate(CapabilityView, each, where="capability") for each in capabilities]
    nodes = [validate(OfferView, each, where="offer") for each in offers]
    session.out.table(
        ("capability", "version", "state", "offered by", "description"),
        (
            (
                f"{v.quantity}/{v.method}", v.version, "active" if v.active else "withdrawn",
                ", ".join(_shown(o) for o in nodes if _same(v, o)), v.description,
            )
            for v in views
        ),
        empty="no capabilities; a node's first offer registers one",
    )  # fmt: skip


@command.command("show")
@click.argument("name", metavar="QUANTITY/METHOD")
@click.option("--schema", is_flag=True, help="Show the JSON Schemas themselves.")
@record_command
async def show(session: Session, name: str, *, schema: bool) -> None:
    """Show what a capability takes and gives, who offers it, and within which limits."""
    async with records(session) as source:
        capabilities, offers = await _catalogue(source)
    views = {
        f"{v.quantity}/{v.method}": (v, plain)
        for plain in capabilities
        for v in [validate(CapabilityView, plain, where="capability")]
    }
    if name not in views:
        raise unknown("capability", name, views, look="labmesh capability list")
    view, plain = views[name]
    nodes = [each for each in offers if _same(view, validate(OfferView, each, where="offer"))]
    if session.out.as_json:
        session.out.document({"capability": plain, "offers": nodes})
    elif schema:
        session.out.document({"parameters": view.parameters_schema, "result": view.result_schema})
    else:
        _show(session.out, view, [validate(OfferView, each, where="offer") for each in nodes])


async def _catalogue(source: Records) -> tuple[list[Any], list[Any]]:
    capabilities = await collect(source, "query.capabilities", "capabilities", {}, None)
    offers = await collect(source, "query.offers", "offers", {}, None)
    return capabilities, offers


def _same(view: CapabilityView, offer: OfferView) -> bool:
    return (view.quantity, view.method) == (offer.offer.quantity, offer.offer.method)


def _shown(offer: OfferView) -> str:
    return f"{offer.node} (offline)" if offer.online is False else offer.node


def _state(offer: OfferView) -> str:
    if offer.online is None:
        return ""
    return "offline" if not offer.online else "online" if offer.active else "inactive"


def _show(out: Output, view: CapabilityView, offers: list[OfferView]) -> None:
    out.heading(f"{view.quantity}/{view.method}")
    out.pairs(
        (
            ("description", view.description),
            ("process", view.parameters_schema.get("term", "")),
            ("version", view.version),
            ("state", "active" if view.active else "withdrawn"),
            ("since", f"{when(view.load_time, zone=True)}, offset {view.offset}"),
        )
    )
    for title, schema in (("parameters", view.parameters_schema), ("result", view.result_schema)):
        out.heading(f"\n{title}")
        out.table(
            ("field", "type", "unit", "needed", "default", "limits", "term", "description"),
            (
                (f.name, f.type, f.unit, "yes" if f.required else "", f.default, f.limits,
                 f.term, f.description)
                for f in field_rows(schema)
            ),
            empty=f"{title} have no fields",
        )  # fmt: skip
    out.heading("\noffers")
    out.table(
        ("node", "state", "worker", "busy", "slots", "lease", "simulated"),
        (
            (o.node, _state(o), o.offer.worker, o.busy, o.offer.slots, f"{o.offer.lease:g} s",
             "yes" if o.offer.simulated else "no")
            for o in offers
        ),
        empty="nobody offers it at present",
    )  # fmt: skip
    for offer in offers:
        if offer.offer.limitations:
            out.heading(f"\nlimitations of {offer.node}")
            out.yaml(offer.offer.limitations)
