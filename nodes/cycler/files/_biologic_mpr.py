"""BioLogic EC-Lab and BT-Lab binaries (.mpr), read from their layout by this module alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nodes.cycler.files._mpr_columns import TECHNIQUES
from nodes.cycler.files._mpr_modules import (
    SIGNATURE,
    Module,
    modules,
    number_at,
    started,
    text_at,
)
from nodes.cycler.files._mpr_records import Records, read_records
from nodes.cycler.files._recording import Accumulators, Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source

_VOLTAGES: Final = ("Ewe/V", "<Ewe>/V")
_CURRENTS: Final = ("I/mA", "<I>/mA")
_DIRECT: Final = {
    "time/s": ("test_time_second", 1.0),
    "step time/s": ("step_time_second", 1.0),
    "P/W": ("power_watt", 1.0),
    "freq/Hz": ("frequency_hertz", 1.0),
    "Re(Z)/Ohm": ("real_impedance_ohm", 1.0),
    "-Im(Z)/Ohm": ("imaginary_impedance_ohm", -1.0),
    "|Z|/Ohm": ("absolute_impedance_ohm", 1.0),
    "Phase(Z)/deg": ("phase_degree", 1.0),
    "R/Ohm": ("internal_resistance_ohm", 1.0),
    "Temperature/°C": ("temperature_t1_celsius", 1.0),
}
_MODES: Final = ["none", "galvanostatic", "potentiostatic", "rest"]
_COULOMB_TO_MAH: Final = 1 / 3.6


@dataclass(frozen=True)
class BiologicMpr:
    """EC-Lab's binary."""

    name: str = "biologic_mpr"
    vendor: str = "BioLogic"
    title: str = "BioLogic EC-Lab binary (.mpr)"
    suffixes: tuple[str, ...] = (".mpr",)

    def recognise(self, head: Head) -> Recognition | None:
        """By its signature."""
        if not head.data.startswith(SIGNATURE):
            return None
        return Recognition(1.0, (f"it begins with {SIGNATURE.decode()}",))

    def read(self, source: Source) -> Recording:
        """All records; the current of GCPL is derived from dq, which the file holds instead."""
        found = modules(source)
        data = found.get("VMP data")
        if data is None:
            raise source.refuse(
                "it was recognised as a BioLogic file, but its module VMP data is missing "
                f"(it has {', '.join(found) or 'none'})",
                remedy="the file is cut: copy it again from the instrument's computer",
            )
        records = read_records(source, data)
        remarks = records.remarks
        if "" in found:
            words = (
                f"At byte {found[''].start} a module should begin, and none does: the file is "
                "damaged, and its records may be shifted."
            )
            remarks.append(Remark("error", "damaged", words))
        columns = _canonical(records, remarks, source)
        metadata = _metadata(source, found, records, remarks)
        begun = metadata.start_time
        if begun is not None:
            columns["local_time"] = _dates(begun, columns["test_time_second"])
        table = pl.DataFrame(columns)
        return Recording(
            table,
            metadata,
            Accumulators.of(table, measured=True),
            remarks=tuple(remarks),
            current_is_mean="interval_current" in {remark.code for remark in remarks},
        )


def _dates(begun: datetime, since: NDArray[np.float64]) -> NDArray[Any]:
    """Dates to the microsecond; a damaged time is no date."""
    microseconds = since * 1e6
    if not (np.abs(microseconds) < 1e16).all():
        microseconds = np.where(np.abs(microseconds) < 1e16, microseconds, np.nan)
    dates = microseconds.astype("timedelta64[us]")
    dates += np.datetime64(begun, "us").astype(np.int64).astype("timedelta64[us]")
    return dates.view("datetime64[us]")


def _first(records: Records, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in records.columns), None)


def _canonical(records: Records, remarks: list[Remark], source: Source) -> dict[str, Any]:
    have = records.columns
    voltage = _first(records, _VOLTAGES)
    if voltage is None or "time/s" not in have:
        raise source.refuse(
            f"it was recognised as a BioLogic file, but of its columns ({', '.join(have)}) none is "
            + ("a voltage Ewe" if voltage is None else "the time"),
            remedy="export it with time and Ewe as text (.mpt)",
        )
    columns: dict[str, Any] = {"voltage_volt": _double(have[voltage])}
    for name, (canonical, by) in _DIRECT.items():
        if name in have:
            values = _double(have[name])
            columns[canonical] = values if by == 1.0 else values * by
    net, change = _charge(have)
    current = _first(records, _CURRENTS)
    if current is not None:
        columns["current_ampere"] = have[current].astype(np.float64) / 1000
        if current == "<I>/mA":
            remarks.append(
                Remark("note", "mean_current", "The current is <I>, its mean over each interval.")
            )
    elif change is not None:
        columns["current_ampere"] = _derived(have["time/s"], change)
        words = (
            "The file holds no current: it is derived from the charge between two records (dq over "
            "the time between them, charge positive), as EC-Lab derives <I>."
        )
        remarks.append(Remark("note", "interval_current", words))
    else:
        remarks.append(Remark("note", "no_current", "The file records no current."))
    if net is not None:
        columns["net_capacity_ah"] = net / 1000
    columns |= _counts(have, records, remarks)
    return columns


def _double(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.astype(np.float64, copy=False)


def _charge(have: dict[str, NDArray[Any]]) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Net charge since the beginning and its change per record, mA.h."""
    net = have.get("(Q-Qo)/mA.h")
    if net is None and "(Q-Qo)/C" in have:
        net = have["(Q-Qo)/C"].astype(np.float64) * _COULOMB_TO_MAH
    change = have.get("dq/mA.h")
    if change is not None:
        # Q-Qo may begin elsewhere and jump between linked techniques; the sum of dq does neither.
        # (dQ, with a capital, is no increment: it counts from the beginning of the step.)
        change = np.ascontiguousarray(change)
        return np.cumsum(change), change
    return net, None


def _derived(time: NDArray[Any], change: NDArray[Any]) -> NDArray[np.float64]:
    """Current as dq over dt, A; zero at first, the one before where time stands still."""
    current = np.zeros(len(time))
    if len(time) > 1:
        between = np.diff(time)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(change[1:], between, out=current[1:])
        current *= 3.6
        stands = between <= 0
        if stands.any():
            current[1:][stands] = np.nan
            index = np.where(np.isfinite(current), np.arange(len(current)), 0)
            current = current[np.maximum.accumulate(index)]
    return current


def _counts(
    have: dict[str, NDArray[Any]], records: Records, remarks: list[Remark]
) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    if "half cycle" in have:
        counts["cycle_count"] = have["half cycle"] >> 1
        words = "Cycles are counted from EC-Lab's half cycles: two make one."
        remarks.append(Remark("note", "half_cycles", words))
    elif "cycle number" in have:
        counts["cycle_count"] = np.nan_to_num(have["cycle number"]).astype(np.int64)
    if "Ns" in have:
        counts["step_id"] = np.ascontiguousarray(have["Ns"])
    if "Ns changes" in records.flags:
        counts["step_count"] = np.cumsum(records.flags["Ns changes"], dtype=np.int32)
    if "mode" in records.flags:
        counts["step_type"] = _named(records.flags["mode"], _MODES)
    return counts


def _named(numbers: NDArray[Any], names: list[str]) -> pl.Series:
    """Words for small numbers, without making a text of each."""
    return pl.Series(names).gather(pl.Series(numbers.astype(np.uint32)))


def _metadata(
    source: Source, found: dict[str, Module], records: Records, remarks: list[Remark]
) -> Metadata:
    data, settings, log = source.data, found.get("VMP Set"), found.get("VMP LOG")
    extra: dict[str, str] = {}
    begun: datetime | None = None
    facts: dict[str, Any] = {}
    day = settings.day if settings else found["VMP data"].day
    if settings and settings.length:
        technique = data[settings.start]
        facts["protocol"] = TECHNIQUES.get(technique, f"technique {technique}")
        facts["comment"] = text_at(data, settings, 0x07)
        for key, offset in (("electrode material", 0x11E), ("electrolyte", 0x1C0)):
            if words := text_at(data, settings, offset):
                extra[key] = words
        mass = number_at(data, settings, 0x107)
        if mass is not None and mass > 0.0011:  # EC-Lab writes 0.001 mg when nobody entered one
            facts["active_mass_kg"] = mass * 1e-6
    if log:
        begun = started(data, log, day)
        facts["channel"] = str(data[log.start + 9] + 1) if log.length > 9 else ""
        version = text_at(data, log, 0x3B7)
        # BT-Lab counts its versions from 1, EC-Lab has been at 10 and 11 since there are .mpr.
        product = "BT-Lab" if version.startswith("1.") else "EC-Lab"
        facts["software"] = f"{product} {version}" if version else ""
        path = text_at(data, log, 0x251)
        facts["cell"] = path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".mpr")
        extra |= {"path": path} if path else {}
    text = begun.isoformat(sep=" ") if begun else (day.isoformat() if day else "")
    if begun is None:
        words = f"The file has no log: of its start only the day is known ({text or 'not even'})."
        remarks.append(Remark("warning", "no_start_time", words))
    known = {*_VOLTAGES, *_CURRENTS, *_DIRECT, "half cycle", "cycle number", "Ns", "dq/mA.h"}
    known |= {"(Q-Qo)/mA.h", "(Q-Qo)/C"}
    return Metadata(
        format="biologic_mpr",
        vendor="BioLogic",
        start_time=begun,
        start_time_text=text,
        units={"current_ampere": "mA", "net_capacity_ah": "mA.h"},
        unread=tuple(name for name in records.columns if name not in known),
        extra=extra,
        **facts,
    )


MPR: Final = BiologicMpr()
