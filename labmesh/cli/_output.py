"""Answers: tables for people, JSON for programs, remarks on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from labmesh.cli._format import clean, plain

if TYPE_CHECKING:
    from rich.console import Console

_WIDE: Final = 4000
"""Columns where there is no terminal: nothing is cut, nothing wraps."""

_PROSE: Final = frozenset(
    {
        "data",
        "default",
        "description",
        "diagnostics",
        "evidence",
        "limits",
        "message",
        "offered by",
        "parameters",
        "possible",
        "properties",
        "reason",
        "remedy",
        "statuses",
        "type",
        "value",
        "what",
    }
)
"""Columns that wrap where the terminal is narrow."""

_LEAST: Final = 16
"""Columns that prose keeps at least."""

STYLES: Final = {
    "online": "green", "active": "green", "ok": "green", "resolved": "green",
    "holds": "green", "fails": "bold red", "cannot be shown here": "yellow",
    "running": "cyan", "canceling": "yellow",
    "reserved": "cyan", "pending": "yellow", "held": "bold red",
    "lost": "bold red", "failed": "red", "error": "red", "warn": "yellow", "stale": "yellow",
    "offline": "dim", "inactive": "yellow", "retracted": "dim", "expired": "dim",
    "abandoned": "dim",
}  # fmt: skip
"""Words whose cell gets a colour of its own."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's answer goes.

    Attributes:
        as_json: JSON was asked for: one document, or one line each of a stream.
    """

    as_json: bool

    def document(self, value: Any) -> None:
        """Print one JSON document."""
        click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))

    def json_line(self, value: Any) -> None:
        """Print one line of a stream of JSON values, at once."""
        click.echo(json.dumps(plain(value), ensure_ascii=False))
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
        """Print a table; where it has no rows, say ``empty`` on stderr."""
        from rich.table import Table
        from rich.text import Text

        lines = [["" if cell is None else clean(str(cell)) for cell in row] for row in rows]
        if not lines:
            self.remark(empty)
            return
        console = _console()
        if not console.is_terminal and not any("\n" in cell for line in lines for cell in line):
            self._plain_table(columns, lines)
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        needed = 0
        for index, column in enumerate(columns):
            widest = max(len(column), *(len(line[index]) for line in lines))
            # Names, ids and times are copied from the screen: only prose may break.
            least = min(widest, _LEAST) if column in _PROSE else widest
            needed += least + 2
            table.add_column(column.upper(), overflow="fold", min_width=least)
        console.width = max(console.width, needed)
        for line in lines:
            table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in line))
        if console.is_terminal:
            console.print(table)
            return
        with console.capture() as captured:
            console.print(table)
        for text in captured.get().splitlines():
            click.echo(text.rstrip())

    def _plain_table(self, columns: Sequence[str], lines: list[list[str]]) -> None:
        """Print a table whose cells are one line each, where there is no terminal to fit."""
        from rich.cells import cell_len

        rows = [[column.upper() for column in columns], *lines]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (
                cell + " " * (width - cell_len(cell))
                for cell, width in zip(row, widths, strict=True)
            )
            click.echo("  ".join(cells).rstrip())

    def pairs(self, values: Iterable[tuple[str, object]]) -> None:
        """Print ``name  value`` lines, leaving out what is None or empty."""
        shown = [(name, clean(str(value))) for name, value in values if value not in (None, "")]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            first, *more = value.split("\n")
            self.text(f"{name:<{width}}  {first}")
            for line in more:
                self.text(f"{'':<{width}}  {line}")

    def heading(self, text: str) -> None:
        """Print a line that stands above others."""
        click.secho(text, bold=True)

    def text(self, text: str) -> None:
        """Print text that has been cleaned, or is our own."""
        click.echo(text)

    def yaml(self, value: Any, *, indent: int = 0) -> None:
        """Print data as YAML."""
        import textwrap

        text = to_yaml(value).rstrip("\n")
        click.echo(textwrap.indent(text, " " * indent))

    def remark(self, text: str) -> None:
        """Say something about the answer on stderr."""
        click.echo(f"labmesh: {clean(text)}", err=True)


def to_yaml(value: Any) -> str:
    """Return data as YAML, keys in their own order, lists of plain values on one line."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes ``terms: [1.0, 2.0]``, and everything else as a block."""

        def represent_sequence(
            self, tag: str, sequence: Any, flow_style: bool | None = None
        ) -> yaml.SequenceNode:
            flat = all(item is None or isinstance(item, str | int | float) for item in sequence)
            return super().represent_sequence(tag, sequence, flow_style=flat)

    text: str = yaml.dump(
        plain(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False,
        width=100,
    )  # fmt: skip
    return clean(text.removesuffix("...\n"))


def _console() -> Console:
    from rich.console import Console

    # Rich reads NO_COLOR and COLUMNS itself, and colours only terminals.
    return (
        Console(highlight=False) if sys.stdout.isatty() else Console(width=_WIDE, highlight=False)
    )
