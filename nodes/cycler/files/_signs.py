"""The sign of a current that an export leaves unsigned, from what it says of each step."""

from __future__ import annotations

from typing import Final

import polars as pl

from nodes.cycler.files._recording import Remark

_DISCHARGES: Final = r"(?i)d(is)?[\s_.-]*ch|放电"
_CHARGES: Final = r"(?i)chg|charge|充电"


def signed_by_step_type(table: pl.DataFrame) -> tuple[pl.DataFrame, list[Remark]]:
    """The table with discharging currents negative; as it is when some are negative already.

    Where currents flow and no step type says which way, a remark of severity error says so.
    """
    current = table["current_ampere"]
    if (current < 0).any():
        return table, _contradictions(table)
    if not (current > 0).any():
        return table, []
    if "step_type" not in table.columns:
        words = "All currents are positive and no step type says which of them discharge."
        return table, [Remark("error", "sign_unknown", words)]
    kinds = table["step_type"]
    discharging = kinds.str.contains(_DISCHARGES)
    known = discharging | kinds.str.contains(_CHARGES)
    remarks = []
    if (discharging & (current > 0)).any():
        words = "The current is unsigned; it is negative where the step's type is a discharge."
        remarks.append(Remark("note", "sign_from_step_type", words))
        sign = pl.when(discharging).then(-1.0).otherwise(1.0)
        table = table.with_columns(current_ampere=pl.col("current_ampere") * sign)
    unsure = (current > 0) & ~known.fill_null(value=False)
    if unsure.any():
        seen = ", ".join(sorted(kinds.filter(unsure).drop_nulls().unique().to_list())[:5])
        words = (
            f"{int(unsure.sum())} records have an unsigned current in steps that say neither "
            f"charge nor discharge ({seen}): their sign is not known."
        )
        remarks.append(Remark("error", "sign_unknown", words))
    return table, remarks


def _contradictions(table: pl.DataFrame) -> list[Remark]:
    """Steps that call themselves discharges while the current is positive, or the reverse."""
    if "step_type" not in table.columns:
        return []
    kinds, current = table["step_type"], table["current_ampere"]
    discharging = kinds.str.contains(_DISCHARGES).fill_null(value=False)
    charging = kinds.str.contains(_CHARGES).fill_null(value=False) & ~discharging
    said = int(((discharging | charging) & (current != 0)).sum())
    wrong = int(((discharging & (current > 0)) | (charging & (current < 0))).sum())
    if wrong * 20 <= said:
        return []
    words = (
        f"In {wrong} of {said} records the sign of the current is against the type of the step: "
        "a current that charges should be positive."
    )
    return [Remark("error", "sign_against_step_type", words)]
