"""``labmesh graph``: who talks to whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from labmesh.cli._format import clean
from labmesh.cli._graph_model import Graph, graph_of
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command
from labmesh.cli._survey import survey
from messages.errors import ConfigurationError

_FROM: Final = {"topic": "hears", "call": "serves", "request": "is asked", "order": "works for"}
_TO: Final = {"topic": "tells", "call": "calls", "request": "asks", "order": "orders"}


@click.command("graph")
@click.argument("sites", metavar="[SITE]...", nargs=-1)
@click.option("--dot", is_flag=True, help="In the language of Graphviz: | dot -Tsvg > mesh.svg")
@click.option(
    "--output", "-o", "file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Draw a picture: .svg, .png or .pdf.",
)  # fmt: skip
@mesh_command
async def command(
    session: Session, sites: tuple[str, ...], *, dot: bool, file: Path | None
) -> None:
    """Show who talks to whom: streams, calls, requests and orders, of all sites or of some.

    It is what the nodes that are online say of themselves (see `labmesh node info`), and so knows
    nothing of a dashboard or of another MQTT client.
    """
    async with session.visit() as visitor:
        seen = await survey(visitor.mesh, patience=session.patience)
    chosen = [node for node in seen.values() if not sites or node.id.site in sites]
    graph = graph_of(chosen, visitor.place.realm)
    if file is not None:
        _draw(graph, file)
        session.out.remark(f"{len(graph.states)} nodes, {len(graph.edges)} edges: {file}")
    elif session.out.as_json:
        session.out.document(graph.as_dict())
    elif dot:
        session.out.text(to_dot(graph))
    else:
        _show(session.out, graph)


def to_dot(graph: Graph) -> str:
    """Return the graph in Graphviz' language, a box around every site."""
    quoted = json.dumps
    lines = ["digraph mesh {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    sites = sorted({name.partition("/")[0] for name in graph.states})
    for site in sites:
        lines.append(f"  subgraph {quoted('cluster_' + site)} {{ label={quoted(site)};")
        lines += [f"    {quoted(n)};" for n in graph.states if n.partition("/")[0] == site]
        lines.append("  }")
    styles = {"topic": "solid", "call": "dashed", "request": "bold", "order": "dotted"}
    for (source, target, kind), labels in graph.between().items():
        label = quoted("\n".join(labels))
        lines.append(
            f"  {quoted(source)} -> {quoted(target)} [label={label}, style={styles[kind]}];"
        )
    return "\n".join([*lines, "}"])


def _show(out: Output, graph: Graph) -> None:
    if not graph.states:
        out.remark("no node is online")
    for index, (name, state) in enumerate(graph.states.items()):
        out.heading(("\n" if index else "") + name + ("" if state == "online" else f" ({state})"))
        rows = [
            (_TO[e.kind], e.target, e.label, e.type, _missing(graph, e.kind, e.label))
            for e in graph.edges if e.source == name
        ] + [
            (_FROM[e.kind], e.source, e.label, e.type, "")
            for e in graph.edges if e.target == name
        ]  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
        for row in rows:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            out.text(clean(("  " + "  ".join(cells)).rstrip()))


def _missing(graph: Graph, kind: str, label: str) -> str:
    return "nobody offers it" if kind == "request" and label in graph.missing else ""


def _draw(graph: Graph, file: Path) -> None:
    from labmesh.cli._graph_picture import draw

    try:
        draw(graph, file)
    except ValueError as error:
        raise ConfigurationError(
            f"no picture of this kind: {error}", where=str(file), remedy="end it in .svg or .png"
        ) from None
