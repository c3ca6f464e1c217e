"""``labmesh bag``: recordings of topics."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._bag_play import play
from labmesh.cli._bag_record import record
from labmesh.cli._format import duration, size, when
from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._verbs import Verbs
from messages.errors import BagError, ConfigurationError

if TYPE_CHECKING:
    from labmesh.bag import BagInfo, Cut

_HASH = 12
"""Digits of a hash that tell it from others in a table."""


@click.group(cls=Verbs)
def command() -> None:
    """Bags: topics recorded into MCAP files, to look at and to play again.

    The record of what was asked and measured is the ledger, see `labmesh ledger` and
    `labmesh campaign replay`.
    """


command.add_command(record)
command.add_command(play)


@command.command("info")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@json_command
def info(out: Output, files: tuple[Path, ...]) -> None:
    """Show what is in a recording: times, topics, types, and what is missing.

    Several FILEs are the pieces of one. Exit code 1 where one is damaged; one that was cut off is
    said to be, and read as far as it goes.
    """
    from labmesh.bag import examine, open_bags

    found = examine(open_bags(files))
    if out.as_json:
        out.document(found.as_dict())
    else:
        _show(out, found)
    if found.broken or any(bag.damaged for bag in found.bags):
        raise BagError("the recording is damaged", where=", ".join(str(b.path) for b in found.bags))


@command.command("convert")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path),
    help="The new bag, or the table (standard output).",
)  # fmt: skip
@click.option(
    "--encoding", type=click.Choice(("json", "msgpack")), default="json", show_default=True,
    help="Of the new bag.",
)  # fmt: skip
@click.option(
    "--compression", type=click.Choice(("zstd", "lz4", "none")), default="zstd", show_default=True,
    help="Of the new bag.",
)  # fmt: skip
@click.option(
    "--start-offset", metavar="S", type=click.FloatRange(min=0), default=0.0,
    help="Leave out the first S seconds.",
)  # fmt: skip
@click.option(
    "--duration", metavar="S", type=click.FloatRange(min=0, min_open=True), help="Keep S seconds."
)
@click.option("--topics", metavar="TOPIC", multiple=True, help="Only these; may be repeated.")
@click.option("--regex", "-e", metavar="R", default="", help="Only topics in which R occurs.")
@click.option("--exclude", "-x", metavar="R", default="", help="None in which R occurs.")
@click.option(
    "--csv", "table", is_flag=True, help="A table of one topic's fields instead of a bag."
)
@click.option(
    "--field", "fields", metavar="PATH", multiple=True,
    help="With --csv: only these fields of the body; may be repeated.",
)  # fmt: skip
@json_command
def convert(
    out: Output,
    files: tuple[Path, ...],
    *,
    output: Path | None,
    encoding: str,
    compression: str,
    start_offset: float,
    duration: float | None,
    topics: tuple[str, ...],
    regex: str,
    exclude: str,
    table: bool,
    fields: tuple[str, ...],
) -> None:
    """Make a bag of another encoding, of a part, or a whole one of one that was cut off.

    Several FILEs are joined. With --csv the fields of one topic become a table.
    """
    from labmesh import bag
    from labmesh.cli._bag_play import part_of

    cut = bag.Cut(start_offset, duration, part_of("lab1", topics, regex, exclude))
    bags = bag.open_bags(files)
    if table:
        if not topics or len(topics) > 1:
            raise ConfigurationError("a table is of one topic", remedy="name it with --topics")
        _write_table(bags, cut, fields, output)
        return
    if fields:
        raise ConfigurationError("--field belongs to --csv", remedy="add --csv, or leave it out")
    if output is None:
        raise ConfigurationError("the new bag has no name", remedy="name it with --output")
    writing = bag.Writing(encoding, compression)  # type: ignore[arg-type]
    count, bad = bag.convert(bags, output, writing, cut)
    if out.as_json:
        out.document({"file": str(output), "messages": count, "left_out": bad})
    else:
        out.text(f"{count} messages: {output}")
    if bad:
        raise BagError(f"{bad} messages are damaged and were left out", where=str(files[0]))


def _write_table(bags: Any, cut: Cut, fields: tuple[str, ...], output: Path | None) -> None:
    from labmesh.bag import table

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(table(bags, cut, fields))
    if output is None:
        sys.stdout.write(text.getvalue())
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except FileExistsError:
        raise ConfigurationError(
            "exists already", where=str(output), remedy="choose another name with --output"
        ) from None


def _show(out: Output, found: BagInfo) -> None:
    about = found.bags[0].about
    out.pairs(
        (
            ("files", "\n".join(_file(bag) for bag in found.bags)),
            ("recorded", _times(found)),
            ("at", " ".join(filter(None, (about.get("realm"), about.get("site"))))),
            ("by", ", ".join(filter(None, (about.get("software"), about.get("host"))))),
            ("messages", found.messages),
            ("not readable", found.broken or None),
        )
    )
    out.heading("")
    out.table(
        ("topic", "type", "hash", "messages", "rate", "size", "qos", "retained", "encoding"),
        (
            (
                each.topic, each.type or "-", each.hash[:_HASH], each.messages,
                _rate(each.messages, each.first, each.last), size(each.bytes), each.qos,
                "before" if each.replayed else "yes" if each.retained else "", each.encoding,
            )
            for each in found.topics
        ),
        empty="",
    )  # fmt: skip
    out.heading("")
    out.table(
        ("author", "epoch", "first", "last", "missing", "in gaps"),
        (
            (
                author, epoch, numbers.runs[0][0], numbers.runs[-1][1], numbers.missing,
                max(len(numbers.runs) - 1, 0),
            )
            for (author, epoch), numbers in sorted(found.numbers.items())
        ),
        empty="",
    )  # fmt: skip
    if not found.complete and any(numbers.missing for numbers in found.numbers.values()):
        out.remark("not all topics were recorded: what is missing need not have been lost")


def _file(bag: Any) -> str:
    words = [f"{bag.path} ({size(bag.size)})"]
    if not bag.whole:
        words.append("cut off")
    if bag.damaged:
        words.append(f"{bag.damaged} damaged chunks left out")
    if dropped := int(bag.ended.get("dropped", 0)):
        words.append(f"{dropped} messages dropped")
    return ", ".join(words)


def _times(found: BagInfo) -> str:
    if not found.messages:
        return found.bags[0].about.get("time", "")
    seconds = (found.last - found.first) / 1e9
    return f"{when(found.first, zone=True)}, {duration(seconds)} long"


def _rate(count: int, first: int, last: int) -> str:
    seconds = (last - first) / 1e9
    return f"{(count - 1) / seconds:.3g}/s" if count > 1 and seconds > 0 else ""
