"""How what was found is shown to people."""

from __future__ import annotations

from typing import Final

from nodes.search._services import Findings, Found

COLUMNS: Final = (
    "quantity", "value", "uncertainty", "conditions", "contains", "method", "kind", "quality",
    "sample", "campaign", "result",
)  # fmt: skip

_SHOWN: Final = 3
"""Conditions in a table; JSON has them all."""


def row(found: Found) -> tuple[str, ...]:
    """Return the cells of a value, as `COLUMNS` name them."""
    return (
        found.quantity,
        _value(found),
        "" if found.uncertainty is None else f"± {found.uncertainty:.3g}",
        "; ".join(
            f"{each.quantity} {with_unit(each.value, each.unit)}"
            for each in found.conditions[:_SHOWN]
        ),
        ", ".join(found.contains),
        found.method,
        found.kind,
        "" if found.quality is None else str(found.quality),
        found.sample,
        found.campaign,
        found.result,
    )


def _value(found: Found) -> str:
    if found.value is not None or found.count is None:
        return with_unit(found.value, found.unit)
    unit = "" if found.unit in {"", "1"} else f" in {found.unit}"
    return f"{found.count} values{unit}"


def with_unit(value: float | None, unit: str) -> str:
    """Return ``0.872 S/m``; a number alone has no unit."""
    if value is None:
        return unit
    return f"{value:.6g}" if unit in {"", "1"} else f"{value:.6g} {unit}"


def understanding(found: Findings) -> list[str]:
    """Return how a question was understood, a line each."""
    lines = []
    if found.understood:
        lines.append("Understood: " + "; ".join(each.meaning for each in found.understood) + ".")
    if found.ignored:
        lines.append("Ignored: " + ", ".join(found.ignored) + ".")
    return [*lines, *found.hints]
