"""The tables of docs/finales_mapping.md, made from the code.

``python -m tests.messages.mapping_page`` writes them into the page anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from messages._finales_rules import Row
from messages.capabilities import FINALES_CAPABILITIES
from messages.finales import NAMES, STATUSES, rows, shared_rows

PAGE = Path(__file__).parents[2] / "docs" / "finales_mapping.md"
BEGIN = "<!-- tables: python -m tests.messages.mapping_page -->"


def table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
    yield ""


def fields(found: Iterable[Row]) -> Iterator[str]:
    """Yield a table of fields; a dash where nothing but the name may differ."""
    return table(
        ("Labmesh", "FINALES 2", "value"),
        ((f"`{ours}`", f"`{theirs}`", note or "-") for ours, theirs, note in found),
    )


def tables() -> str:
    """Return the generated part of the page."""
    lines = ["## Capabilities", ""]
    lines += table(
        ("Labmesh", "FINALES 2", ""),
        (
            (f"`{'/'.join(ours)}`", f"`{'/'.join(theirs)}`", FINALES_CAPABILITIES[ours].description)
            for ours, theirs in NAMES.items()
        ),
    )
    lines += ["## Statuses of a request", ""]
    lines += table(
        ("Labmesh", "FINALES 2"),
        ((f"`{ours.value}`", f"`{theirs}`") for ours, theirs in STATUSES.items()),
    )
    lines += ["## Objects that several capabilities share", ""]
    for name, found in shared_rows():
        lines += [f"### {name}", "", *fields(found)]
    for quantity, method in FINALES_CAPABILITIES:
        lines += [f"## {quantity}/{method}", "", "Request's parameters:", ""]
        lines += fields(rows(quantity, method, "input"))
        lines += ["Result's data:", "", *fields(rows(quantity, method, "output"))]
    return "\n".join(lines)


if __name__ == "__main__":
    words = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{words}{BEGIN}\n\n{tables()}", encoding="utf-8")
