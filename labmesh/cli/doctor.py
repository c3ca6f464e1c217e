"""``labmesh doctor``: what is wrong, and what to do."""

from __future__ import annotations

from typing import Final

import click

from labmesh.cli._doctor import Finding, Grade, examine
from labmesh.cli._format import clean
from labmesh.cli._output import Output
from labmesh.cli._session import Session, mesh_command

_COLOURS: Final = {Grade.FAIL: "red", Grade.WARN: "yellow", Grade.OK: "green"}


@click.command("doctor")
@click.option("--report", "-r", is_flag=True, help="Show what is well, too, and all details.")
@mesh_command
async def command(session: Session, *, report: bool) -> None:
    """Examine this machine and the mesh: one line a finding, worst first, each with a remedy.

    Nothing is changed. The exit code is 1 when a check fails; warnings alone are 0.
    """
    found = await examine(session)
    failed = sum(each.grade is Grade.FAIL for each in found)
    warned = sum(each.grade is Grade.WARN for each in found)
    if session.out.as_json:
        session.out.document(
            {"failed": failed, "warnings": warned, "findings": [each.as_dict() for each in found]}
        )
    else:
        for each in found:
            if report or each.grade is not Grade.OK:
                _show(session.out, each, report=report)
        well = len(found) - failed - warned
        more = "" if report else "; `labmesh doctor --report` shows all"
        session.out.text(f"{failed} failed, {warned} warnings, {well} well{more}")
    if failed:
        click.get_current_context().exit(1)


def _show(out: Output, finding: Finding, *, report: bool) -> None:
    grade = click.style(f"{finding.grade.value.upper():<4}", fg=_COLOURS[finding.grade], bold=True)
    remedy = f"\n     -> {clean(finding.remedy)}" if finding.remedy else ""
    click.echo(f"{grade} {finding.check}: {clean(finding.what)}{remedy}")
    if report and finding.details:
        out.yaml(finding.details, indent=8)
