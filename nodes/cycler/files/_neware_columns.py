"""What Neware's exports call their columns, in English and Chinese, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from nodes.cycler.files._assemble import Draft, Rule, key
from nodes.cycler.files._clock import read_dates
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._signs import signed_by_step_type
from nodes.cycler.files._table_text import has_columns
from nodes.cycler.files._units import parse_header

NEWARE_RULES: Final = (
    Rule(
        "test_time_second",
        ("Total Time", "Cumulative Time", "TotalTime", "总时间", "测试时间", "Test Time"),
        "s",
        kind="duration",
    ),
    Rule("voltage_volt", ("Voltage", "Volt", "Vol", "电压")),
    Rule("current_ampere", ("Current", "Cur", "电流")),
    Rule(
        "step_time_second",
        (
            "Time",
            "Relative Time",
            "Step Time",
            "时间",
            "相对时间",
            "Time(h:min:s.ms)",
            "Relative Time(h:min:s.ms)",
            "相对时间(h:min:s.ms)",
        ),
        "s",
        kind="duration",
    ),
    Rule(
        "date",
        (
            "Date",
            "Realtime",
            "Absolute Time",
            "绝对时间",
            "DateTime",
            "Date(h:min:s.ms)",
            "系统时间",
        ),
        kind="text",
    ),
    Rule("cycle_count", ("Cycle Index", "Cycle ID", "Cycle", "循环号", "循环序号"), "1"),
    Rule("step_count", ("Step Number",), "1"),
    Rule("step_id", ("Step Index", "Step ID", "Step", "工步号", "工步序号")),
    Rule(
        "step_type",
        ("Step Type", "Step Name", "Status", "工步类型", "工步状态", "工步名称", "状态"),
        kind="text",
    ),
    Rule(
        "record_index",
        (
            "DataPoint",
            "Record ID",
            "Record Index",
            "Record number",
            "Record",
            "数据序号",
            "记录序号",
            "记录号",
        ),
        "1",
    ),
    Rule(
        "step_charging_capacity_ah", ("Chg. Cap.", "Capacitance_Chg", "充电容量", "Chg. Capacity")
    ),
    Rule(
        "step_discharging_capacity_ah",
        ("DChg. Cap.", "Capacitance_DChg", "放电容量"),
    ),
    Rule("step_charging_energy_wh", ("Chg. Energy", "Engy_Chg", "充电能量")),
    Rule("step_discharging_energy_wh", ("DChg. Energy", "Engy_DChg", "放电能量")),
    Rule("step_cumulative_capacity_ah", ("Capacity", "容量")),
    Rule("step_cumulative_energy_wh", ("Energy", "能量")),
    Rule("power_watt", ("Power", "功率")),
    Rule("temperature_t1_celsius", ("T1", "Aux. ch. T1", "Temperature", "温度"), "C"),
    Rule("temperature_t2_celsius", ("T2", "Aux. ch. T2"), "C"),
)

_OWN: Final = {
    *("totaltime", "cumulativetime", "steptype", "stepname", "stepid", "recordid", "cycleid"),
    *("chgcap", "dchgcap", "capacitancechg", "realtime", "datapoint", "relativetime"),
    *("数据序号", "循环号", "循环序号", "工步号", "工步序号", "工步类型", "工步状态", "总时间"),
    *("绝对时间", "记录序号", "timehminsms", "relativetimehminsms", "moduleswitch"),
}
_ARBIN: Final = {"testtime", "chargecapacity"}


def own_words(names: Sequence[str]) -> set[str]:
    """Those of the names that are Neware's words."""
    keys = {key(parse_header(name).name) for name in names}
    return set() if keys >= _ARBIN else keys & _OWN


def is_neware(names: Sequence[str]) -> bool:
    """Whether these columns' names are those of Neware's records."""
    return len(own_words(names)) >= 3 and has_columns(
        names, NEWARE_RULES, "voltage_volt", "current_ampere", "cycle_count"
    )


def neware_recording(draft: Draft, about: Metadata) -> Recording:
    """The recording: elapsed time and sign completed where the export leaves them out."""
    remarks, table = list(draft.remarks), draft.table
    if "test_time_second" not in table.columns and "step_time_second" in table.columns:
        table = _elapsed(table)
        words = (
            "The export has no total time: it is the sum of the steps' times. A pause between "
            "steps is not in it."
        )
        remarks.append(Remark("note", "elapsed_from_step_times", words))
    table, said = signed_by_step_type(table)
    remarks += said
    elapsed = table["test_time_second"] if "test_time_second" in table.columns else None
    dated = read_dates(draft.dates, elapsed)
    table = dated.onto(table)
    return Recording(table, about, remarks=(*remarks, *dated.remarks))


def _elapsed(table: pl.DataFrame) -> pl.DataFrame:
    """Total time of records that know only the time within their step."""
    time = pl.col("step_time_second")
    begins = time.diff().fill_null(0.0) < 0
    for name in ("step_id", "cycle_count", "step_count"):
        if name in table.columns:
            begins = begins | (pl.col(name) != pl.col(name).shift()).fill_null(value=False)
    before = pl.when(begins).then(time.shift()).otherwise(0.0).fill_null(0.0).cum_sum()
    return table.with_columns(test_time_second=time + before)
