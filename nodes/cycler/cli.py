"""``labmesh cycler``: reads and draws files of battery cyclers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from labmesh.cli.extend import (
    ConfigurationError,
    LabmeshError,
    Output,
    Session,
    duration,
    json_command,
    mesh_command,
    progress,
)

_FAILED_CHECKS = 3


@click.group()
def command() -> None:
    """Files of battery cyclers: read, check, summarise, draw.

    Formats are recognised by content. The table has the columns of the Battery Data Format, SI
    units, and currents that charge are positive.
    """


@command.command("formats")
@json_command
def formats(out: Output) -> None:
    """List the formats that are read."""
    from nodes.cycler.files import FORMATS

    if out.as_json:
        out.document(
            [
                {"format": f.name, "vendor": f.vendor, "title": f.title, "suffixes": f.suffixes}
                for f in FORMATS
            ]
        )
        return
    rows = [
        (f.name, f.vendor, f.title, " ".join(f.suffixes[:4]) + (" ..." if f.suffixes[4:] else ""))
        for f in FORMATS
    ]
    out.table(("format", "vendor", "what", "suffixes"), rows, empty="no formats")


@command.command("read")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--format", "format_", metavar="NAME", help="Read as this, whatever it looks like.")
@click.option("--timezone", metavar="ZONE", help="Of the instrument's clock: Europe/Berlin.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write the table as Parquet, with CSVW metadata; a folder for several files.",
)
@click.option("--cycles", is_flag=True, help="Show every cycle.")
@click.option("--strict", is_flag=True, help="Exit with 3 when a check finds an error.")
@json_command
def read(
    out: Output, files: tuple[Path, ...], format_: str | None, timezone: str | None,
    output: Path | None, cycles: bool, strict: bool,
) -> None:  # fmt: skip
    """Read files of cyclers: what they are, their cycles, what is wrong with them.

    Exit code 0: all were read; 1: one was refused; 3 with --strict: a check found an error.
    """
    code = asyncio.run(_read(out, files, format_, timezone, output, cycles))
    if code == 1 or (code and strict):
        raise SystemExit(code)


async def _read(
    out: Output, files: tuple[Path, ...], format_: str | None, timezone: str | None,
    output: Path | None, cycles: bool,
) -> int:  # fmt: skip
    from nodes.cycler.files import read_cycler_file

    if len(files) > 1:
        _make_folder(output, len(files))
    documents: list[dict[str, Any]] = []
    code = 0
    with progress(out, "reading") as tell:
        for done, path in enumerate(files):
            tell(done, len(files))
            try:
                data = await asyncio.to_thread(
                    read_cycler_file, path, format=format_, timezone=timezone
                )
                written = _written(data, path, output)
            except LabmeshError as error:
                if len(files) == 1:
                    raise
                code = 1
                out.remark(str(error))
                documents.append({"file": str(path), "error": str(error)})
                continue
            if code == 0 and any(each.severity == "error" for each in data.checks):
                code = _FAILED_CHECKS
            if out.as_json:
                documents.append({"file": str(path), **_document(data, written)})
            else:
                _show(out, path, data, written, cycles=cycles or data.cycles.height <= 10)
    if out.as_json:
        out.document(documents[0] if len(files) == 1 else documents)
    return code


def _make_folder(output: Path | None, count: int) -> None:
    if output is None:
        return
    if output.exists() and not output.is_dir():
        raise ConfigurationError(
            f"{count} tables do not go into one file",
            where=str(output),
            remedy="name a folder with -o",
        )
    output.mkdir(parents=True, exist_ok=True)


def _written(data: Any, path: Path, output: Path | None) -> Path | None:
    import json

    from nodes.cycler.files import write_parquet

    if output is None:
        return None
    target = output / f"{path.stem}.parquet" if output.is_dir() else output
    beside = target.with_name(f"{target.stem}-metadata.json")
    try:
        document = write_parquet(data, target)
        beside.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise LabmeshError(f"the table cannot be written: {error}", where=str(target)) from error
    return target


def _document(data: Any, written: Path | None) -> dict[str, Any]:
    from nodes.cycler.files import csvw

    return {
        "metadata": csvw(data, written.name if written else f"{data.metadata.file_name}.parquet"),
        "records": data.table.height,
        "capacities": {"basis": data.summary.basis, "why": data.summary.why},
        "cycles": data.cycles.to_dicts(),
        "checks": [
            {"name": c.name, "outcome": c.outcome, "severity": c.severity, "words": c.words}
            for c in data.checks
        ],
        "remarks": [
            {"severity": r.severity, "code": r.code, "words": r.words} for r in data.remarks
        ],
        "parquet": str(written) if written else None,
    }


def _show(out: Output, path: Path, data: Any, written: Path | None, *, cycles: bool) -> None:
    said, table = data.metadata, data.table
    time = table["test_time_second"].drop_nulls()
    out.heading(str(path))
    zone = "" if said.start_time is None or said.start_time.tzinfo else " (local time, no zone)"
    out.pairs(
        [
            ("format", f"{said.format}, {said.vendor} {said.software}".rstrip()),
            ("cell", said.cell),
            ("channel", said.channel),
            ("protocol", said.protocol),
            ("started", f"{said.start_time}{zone}" if said.start_time else said.start_time_text),
            ("records", table.height),
            ("duration", duration(time[-1] - time[0]) if len(time) > 1 else ""),
            ("columns", " ".join(table.columns)),
            ("capacities", data.summary.why),
            ("sha256", said.sha256),
            ("written", written),
        ]
    )
    if cycles:
        out.table(
            ("cycle", "charge mAh", "discharge mAh", "efficiency", "V charge", "V discharge",
             "duration"),
            [_line(row) for row in data.cycles.iter_rows(named=True)],
            empty="no cycles",
        )  # fmt: skip
    else:
        out.text(f"{data.cycles.height} cycles (--cycles shows them)")
    for each in data.checks:
        if each.outcome == "failed":
            out.text(f"{each.severity.upper()} {each.name}: {each.words}")
    for remark in data.remarks:
        mark = "" if remark.severity == "note" else f"{remark.severity.upper()} "
        out.text(f"{mark}{remark.code}: {remark.words}")


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    def number(name: str, by: float = 1.0, form: str = ".5g") -> str:
        value = row[name]
        return "" if value is None else format(value * by, form)

    return (
        str(row["cycle"]),
        number("charge_capacity_ah", 1000, ".6g"),
        number("discharge_capacity_ah", 1000, ".6g"),
        number("coulombic_efficiency", 1, ".4f"),
        number("mean_charge_voltage_volt", 1, ".4f"),
        number("mean_discharge_voltage_volt", 1, ".4f"),
        duration(row["duration_second"]) if row["duration_second"] is not None else "",
    )


@command.command("plot")
@click.argument("what", metavar="FILE|ID")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="PNG", help="The picture's file."
)
@click.option("--cycles", metavar="N,N...", help="Cycles whose dQ/dV is drawn.")
@click.option("--format", "format_", metavar="NAME", help="Read a raw file as this.")
@mesh_command
async def plot(
    session: Session, /, *, what: str, output: Path | None, cycles: str | None, format_: str | None
) -> None:
    """Draw voltage in time, capacity by cycle and dQ/dV.

    A raw file, a Parquet file, or of the ledger: an artifact, a result, or a sample.
    """
    from nodes.cycler._plot_source import fetched_table, table_of
    from nodes.cycler.files._plot import draw

    wanted = _numbers(cycles)
    path = _local(what)
    if path is not None:
        table, title = await asyncio.to_thread(table_of, path, format=format_)
        target = output or Path(f"{path.stem}.png")
    else:
        from labmesh.client import requester

        async with session.visit() as visitor, requester(visitor) as lab:
            table, title = await fetched_table(lab, what, session.patience)
        target = output or Path(f"{what[:16]}.png")
    drawn = await asyncio.to_thread(draw, table, target, title=title, cycles=wanted)
    if session.out.as_json:
        session.out.document({"file": str(target), "records": table.height, "cycles": drawn})
    else:
        session.out.text(str(target))


def _local(what: str) -> Path | None:
    path = Path(what)
    return path if path.is_file() else None


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise ConfigurationError(
            f"{text!r} are no numbers of cycles", remedy="e.g. --cycles 1,10,20"
        ) from None
