"""Arbin .res: a Microsoft Access database, exported by the program mdb-export of mdbtools.

Tables: Global_Table (one line a test), Channel_Normal_Table (the records). Seen: schemas 5.23 and
5.26 (MITS Pro 4) and 20171213 (MITS 7). Times are days since 1899-12-30, the instrument's local
time; capacities reset where the schedule says.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

import polars as pl
from polars.exceptions import PolarsError

from messages.errors import MissingProgramError
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._times import excel_date

PROGRAM: Final = "mdb-export"
_SIGNATURES: Final = (b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB")
_TIMEOUT: Final = 900.0
_TABLE: Final = "Channel_Normal_Table"
_MAX_TEXT: Final = 4 * 2**30

_COLUMNS: Final = {
    "Data_Point": "record_index",
    "Test_Time": "test_time_second",
    "Step_Time": "step_time_second",
    "Step_Index": "step_id",
    "Cycle_Index": "cycle_count",
    "Current": "current_ampere",
    "Voltage": "voltage_volt",
    "Charge_Capacity": "schedule_charging_capacity_ah",
    "Discharge_Capacity": "schedule_discharging_capacity_ah",
    "Charge_Energy": "schedule_charging_energy_wh",
    "Discharge_Energy": "schedule_discharging_energy_wh",
}
_WHOLE: Final = ("Test_ID", "Data_Point", "Step_Index", "Cycle_Index")


@dataclass(frozen=True)
class ArbinRes:
    """Arbin's database of one channel's tests."""

    name: str = "arbin_res"
    vendor: str = "Arbin"
    title: str = "Arbin database (.res)"
    suffixes: tuple[str, ...] = (".res",)

    def recognise(self, head: Head) -> Recognition | None:
        """An Access database; Arbin's by the names of its tables."""
        if not head.data.startswith(_SIGNATURES):
            return None
        evidence = ["a Microsoft Access database"]
        names = (_TABLE, "Global_Table")
        # Access keeps names as UTF-16, or compressed to single bytes.
        if any(n.encode(code) in head.data for n in names for code in ("ascii", "utf-16-le")):
            return Recognition(1.0, (*evidence, "with Arbin's tables"))
        return Recognition(0.55 if head.suffix == ".res" else 0.3, tuple(evidence))

    def read(self, source: Source) -> Recording:
        """The records of the test in the file, in the order of their numbers.

        Raises:
            MissingProgramError: mdbtools is not installed.
        """
        records_text, globals_text = _export(source, (_TABLE, "Global_Table"))
        tests = _frame(globals_text, source, "Global_Table")
        records = _frame(records_text, source, _TABLE)
        if "Voltage" not in records.columns or "Test_Time" not in records.columns:
            raise source.refuse(
                f"{_TABLE} of this database has the columns {records.columns}: not Arbin's",
            )
        remarks: list[Remark] = []
        if not records.height:
            remarks.append(Remark("warning", "no_records", "The test has no records."))
        records, test = _one_test(records, tests, remarks)
        known = [name for name in _COLUMNS if name in records.columns]
        table = records.select(
            [pl.col(name).alias(_COLUMNS[name]) for name in known]
            + ([_local(pl.col("DateTime"))] if "DateTime" in records.columns else [])
        )
        if "record_index" in table.columns and not table["record_index"].is_sorted():
            table = table.sort("record_index")
        skipped = {"Test_ID", "DateTime", "Is_FC_Data"}
        unread = tuple(n for n in records.columns if n not in _COLUMNS and n not in skipped)
        return Recording(table, _metadata(test, unread), remarks=tuple(remarks))


def _local(days: pl.Expr) -> pl.Expr:
    """Days since 1899-12-30 as dates, to the millisecond: a day's fraction holds no more."""
    milliseconds = ((days - 25569.0) * 86_400_000.0).round(0).cast(pl.Int64, strict=False)
    return milliseconds.cast(pl.Datetime("ms")).cast(pl.Datetime("us")).alias("local_time")


def _export(source: Source, tables: tuple[str, ...]) -> list[bytes]:
    """Tables as CSV, exported side by side."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingProgramError(
            f"Arbin's .res is an Access database, and the program {PROGRAM} that reads it is not "
            "installed",
            where=str(source.path),
            remedy="install mdbtools (Debian: apt-get install mdbtools, macOS: brew install "
            "mdbtools), or export the test as CSV from Arbin's Data Watcher",
        )
    running: list[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]] = []
    out: IO[bytes]
    err: IO[bytes]
    try:
        for table in tables:
            out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
            command = [program, "-D", "%F", str(source.path.absolute()), table]
            running.append((subprocess.Popen(command, stdout=out, stderr=err), out, err))  # noqa: S603
        return [
            _finished(process, out, err, source, table)
            for (process, out, err), table in zip(running, tables, strict=True)
        ]
    finally:
        for process, out, err in running:
            if process.poll() is None:
                process.kill()
                process.wait()
            out.close()
            err.close()


def _finished(
    process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes], source: Source, table: str
) -> bytes:
    try:
        code = process.wait(_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise source.refuse(
            f"{PROGRAM} did not finish table {table} in {_TIMEOUT:.0f} s"
        ) from error
    err.seek(0)
    said = err.read(2000).decode(errors="replace").strip().replace("\n", " ")
    size = out.seek(0, io.SEEK_END)
    if code or not size or size > _MAX_TEXT:
        raise source.refuse(
            f"its table {table} cannot be exported ({PROGRAM} ended with {code}, {size} bytes"
            f"{f': {said[:200]}' if said else ''})",
            remedy="the database is damaged or not Arbin's: copy it again from the cycler",
        )
    out.seek(0)
    return out.read()


def _frame(text: bytes, source: Source, table: str) -> pl.DataFrame:
    try:
        header = text[: text.find(b"\n")].decode("utf-8", errors="replace").strip().split(",")
        numeric = table == _TABLE
        return pl.read_csv(
            text,
            infer_schema=False,
            schema_overrides={name: (pl.Int64 if name in _WHOLE else pl.Float64) for name in header}
            if numeric
            else None,
            encoding="utf8-lossy",
        )
    except PolarsError as error:
        first = str(error).splitlines()[0]
        raise source.refuse(f"its table {table} is no table of numbers: {first}") from error


def _one_test(
    records: pl.DataFrame, tests: pl.DataFrame, remarks: list[Remark]
) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    by_id = {str(test.get("Test_ID")): test for test in tests.to_dicts()}
    chosen = next(iter(by_id), "")
    if "Test_ID" in records.columns and records.height:
        sizes = records["Test_ID"].value_counts(sort=True)
        chosen = str(sizes["Test_ID"][0])
        if sizes.height > 1:
            others = ", ".join(f"{i} ({n} records)" for i, n in sizes.rows()[1:])
            words = f"The file holds several tests; test {chosen} is read, not: {others}."
            remarks.append(Remark("warning", "several_tests", words))
            records = records.filter(pl.col("Test_ID") == int(chosen))
    return records, by_id.get(chosen, {})


def _metadata(test: Mapping[str, Any], unread: tuple[str, ...]) -> Metadata:
    def text(name: str) -> str:
        return str(test.get(name) or "").strip()

    def number(name: str) -> float | None:
        try:
            value = float(text(name))
        except ValueError:
            return None
        return value if value > 0 else None

    days, mass, capacity = number("Start_DateTime"), number("MASS"), number("Capacity")
    start = excel_date(days) if days is not None and days < 80_000 else None
    return Metadata(
        format="arbin_res",
        vendor="Arbin",
        software=text("Software_Version"),
        instrument=text("Serial_Number"),
        cell=text("Item_ID") or text("Test_Name"),
        channel=text("Channel_Index"),
        protocol=text("Schedule_File_Name"),
        operator=text("Creator"),
        comment=text("Comments"),
        start_time=start.replace(microsecond=0) if start else None,
        start_time_text=text("Start_DateTime"),
        nominal_capacity_ah=capacity,
        active_mass_kg=mass / 1000 if mass else None,
        units={"current_ampere": "A", "schedule_charging_capacity_ah": "Ah"},
        unread=unread,
        extra={name: str(value) for name, value in test.items() if value not in (None, "", "0")},
    )


RES: Final = ArbinRes()
