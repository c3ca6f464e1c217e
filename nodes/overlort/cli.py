"""``labmesh workflow``: workflows as files, and as they run."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labmesh.cli.extend import (
    LabmeshError,
    Output,
    Records,
    Session,
    duration,
    json_command,
    mesh_command,
    record_command,
    records,
    when,
)

if TYPE_CHECKING:
    from nodes.overlort._read import Story

_MISTAKES = 2


@click.group()
def command() -> None:
    """Workflows: capabilities asked for one after another, as a file says (docs/workflows.md)."""


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of workflow files, for editors."""
    from nodes.overlort import workflow_schema

    click.echo(json.dumps(workflow_schema(), indent=2, ensure_ascii=False))


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--live", is_flag=True, help="Against the capabilities and offers of a running lab.")
@mesh_command
async def check(session: Session, file: Path, *, live: bool) -> None:
    """Check a workflow file; every mistake as FILE:LINE: FIELD: what, exit code 2.

    Names, expressions and the graph; whether each value fits the parameters it is meant for, and
    is among the data it is taken from.
    """
    from nodes.overlort import Catalogue, load_workflow, not_offered, strangers
    from nodes.overlort import check as mistakes_of

    workflow, lines = load_workflow(file)
    if live:
        from labmesh.client import requester
        from nodes.overlort._ledger import MeshLedger

        async with session.visit() as visitor, requester(visitor) as lab:
            ledger = MeshLedger(lab, session.out.remark)
            found = mistakes_of(workflow, Catalogue.of(await ledger.capabilities()))
            found += not_offered(workflow, await ledger.offered())
    else:
        found = mistakes_of(workflow)
    unknown = [] if live else strangers(workflow)
    if session.out.as_json:
        session.out.document(
            {
                "file": str(file), "workflow": workflow.name, "sha256": workflow.sha256,
                "mistakes": [
                    {"line": _line(each.at(lines, file)), "field": list(each.place),
                     "what": each.what, "remedy": each.remedy}
                    for each in found
                ],
                "not_compared": unknown,
            }
        )  # fmt: skip
    else:
        for each in found:
            click.echo(each.at(lines, file), err=True)
        if unknown:
            session.out.remark(f"only a lab knows {', '.join(unknown)}: --live asks it")
        if not found:
            session.out.text(f"{file}: {workflow.name} is sound, {len(workflow.steps)} steps")
    if found:
        sys.exit(_MISTAKES)


@command.command("graph")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--dot", is_flag=True, help="For Graphviz, as in: --dot FILE | dot -Tsvg")
@json_command
def graph(out: Output, file: Path, *, dot: bool) -> None:
    """Show a workflow's steps in the order in which they may go."""
    from nodes.overlort import load_workflow
    from nodes.overlort._compiled import compile_workflow
    from nodes.overlort._graph import graph_dot, graph_text

    compiled = compile_workflow(load_workflow(file)[0])
    if out.as_json:
        out.document(
            [
                {"step": name, "quantity": step.section.quantity, "method": step.section.method,
                 "after": [each for each in compiled.steps if each in step.needs],
                 "for_each": step.for_each is not None}
                for name, step in compiled.steps.items()
            ]
        )  # fmt: skip
        return
    for line in (graph_dot if dot else graph_text)(compiled):
        out.text(line)


@command.command("list")
@click.option("--limit", "-n", metavar="N", type=click.IntRange(min=1), default=20,
              show_default=True, help="At most N, the newest.")  # fmt: skip
@record_command
async def list_workflows(session: Session, *, limit: int) -> None:
    """List the workflows that were begun, the newest last."""
    from nodes.overlort._read import read_plans

    async with records(session) as source:
        found = await read_plans(source.query, limit)
    if session.out.as_json:
        session.out.document(
            [
                {"request": str(view.id), "workflow": plan.name, "status": view.status.value,
                 "capability": f"{view.quantity}/{view.method}", "campaign": view.campaign,
                 "asked_by": view.author, "asked": view.stamp, "asked_wall": view.load_time,
                 "message": view.message}
                for plan, view in found
            ]
        )  # fmt: skip
        return
    session.out.table(
        ("request", "workflow", "status", "campaign", "asked by", "asked", "message"),
        [
            (view.id, plan.name, view.status.value, view.campaign, view.author,
             when(view.load_time), view.message[:80])
            for plan, view in found
        ],
        empty="no workflows; labmesh capability list shows whether one is offered",
    )  # fmt: skip


@command.command("show")
@click.argument("request", metavar="REQUEST")
@click.option("--watch", "-w", is_flag=True, help="Again whenever it changes, until it has ended.")
@record_command
async def show(session: Session, request: str, *, watch: bool) -> None:
    """Show a workflow: its steps, what they cost, what it waits for.

    A star marks the critical path: the steps that the end waits, or waited, for. Works while it
    runs and afterwards, from the ledger alone.
    """
    async with records(session) as source:
        if watch:
            await _watch(session.out, source, request)
        else:
            _show(session.out, await _read(source, request), stream=False)


async def _read(source: Records, request: str) -> Story:
    from nodes.overlort._read import read_story

    return await read_story(source.query, request)


async def _watch(out: Output, source: Records, request: str) -> None:
    from nodes.overlort._show import document_of

    before = ""
    while True:
        story = await _read(source, request)
        now = json.dumps([document_of(story)["steps"], story.view.status.value], default=str)
        if now != before:
            if not out.as_json and sys.stdout.isatty():
                click.clear()
            _show(out, story, stream=True)
            before = now
        if story.ended:
            return
        await asyncio.sleep(1)


def _show(out: Output, story: Story, *, stream: bool) -> None:
    from nodes.overlort._show import bar, document_of, lines_of, row_of, waits_of

    document = document_of(story)
    if out.as_json:
        (out.json_line if stream else out.document)(document)
        return
    view, workflow = story.view, story.workflow
    out.heading(f"{workflow.name if workflow else 'workflow'} {view.id}")
    cost = document.get("cost")
    lab, wall = document["lab_seconds"], (view.changed - view.load_time) / 1e9
    out.pairs(
        [
            ("status", f"{view.status.value}{f': {view.message}' if view.message else ''}"),
            ("progress", bar(document["fraction"])),
            ("answers", f"{view.quantity}/{view.method} for {view.author}"),
            ("campaign", view.campaign),
            ("asked", when(view.load_time, zone=True)),
            ("took", f"{duration(lab)} of the lab's time, {duration(wall)} of wall time"),
            ("cost", None if cost is None else f"{cost:.2f} {document['currency']}"),
            *(("waits for", words) for words in waits_of(story)),
        ]
    )
    lines = lines_of(story)
    if not lines or workflow is None:
        return
    prices = bool(workflow.prices.capabilities)
    out.text("")
    out.table(
        ("", "step", "capability", "status", "tries", "worker", "begun", "lab time", "wall time",
         *(("cost",) if prices else ()), "request", "reason"),
        [row_of(line, prices=prices, duration=duration, when=when) for line in lines],
        empty="no steps",
    )  # fmt: skip


def _line(text: str) -> int:
    """Return the line number of ``FILE:LINE: ...``."""
    for part in text.split(":"):
        if part.strip().isdigit():
            return int(part)
    raise LabmeshError(f"no line in {text!r}")
