"""Neware .nda and .ndax through `fastnda` (BSD-3-Clause), which decodes the records.

What is added here: recognition by content (fastnda goes by the suffix), its warnings as notes,
metadata that survive a damaged TestInfo.xml, canonical columns.
"""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from nodes.cycler.files._fastnda import fastnda
from nodes.cycler.files._recording import Metadata, Recording, Remark
from nodes.cycler.files._source import Head, Recognition, Source
from nodes.cycler.files._times import parse_date

_PLAIN: Final = {
    "index": "record_index",
    "voltage_V": "voltage_volt",
    "unix_time_s": "unix_time_second",
    "step_time_s": "step_time_second",
    "total_time_s": "test_time_second",
    "cycle_count": "cycle_count",
    "step_count": "step_count",
    "step_index": "step_id",
    "step_type": "step_type",
}
_MILLI: Final = {
    "current_mA": "current_ampere",
    "capacity_mAh": "step_net_capacity_ah",
    "energy_mWh": "step_net_energy_wh",
}
_UNITS: Final = {
    "current_ampere": "mA",
    "step_net_capacity_ah": "mAh",
    "step_net_energy_wh": "mWh",
}


@dataclass(frozen=True)
class NewareBinary:
    """One of the two binary formats of Neware's BTS."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    vendor: str = "Neware"

    def recognise(self, head: Head) -> Recognition | None:
        """An .nda begins with NEWARE; an .ndax is a zip that holds data.ndc."""
        if self.name == "neware_nda":
            if head.data.startswith(b"NEWARE"):
                return Recognition(1.0, ("it begins with NEWARE",))
        elif any(member.lower().endswith(".ndc") for member in head.members):
            return Recognition(1.0, ("a zip with Neware's .ndc parts",))
        return None

    def read(self, source: Source) -> Recording:
        """All records of the file; none of an empty test is a table without rows."""
        if self.name == "neware_ndax" and "data.ndc" not in source.head.members:
            raise source.refuse(
                "it was recognised as a Neware archive, but its part data.ndc, which holds the "
                "records, is missing",
                remedy="export it again from BTSDA",
            )
        with _named_so(source, self.suffixes[0]) as path, _listening() as said:
            frame = fastnda.read(path)
            fields = _fields(path, said)
        table = _table(frame)
        remarks = [Remark("note", "reader_note", words) for words in dict.fromkeys(said)]
        if not table.height:
            remarks.append(
                Remark("warning", "no_records", "The test was stopped before its first record.")
            )
        unread = tuple(n for n in frame.columns if n not in _PLAIN and n not in _MILLI)
        metadata = _metadata(self, fields, tuple(n for n in unread if "temperature" not in n))
        return Recording(table, metadata, remarks=tuple(remarks))


@contextmanager
def _named_so(source: Source, suffix: str) -> Iterator[Path]:
    """The file under a name with the suffix by which fastnda knows it."""
    if source.head.suffix == suffix:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="labmesh-") as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(source.data)
        yield path


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What fastnda logs and warns of, instead of on the screen."""
    said: list[str] = []
    logger = logging.getLogger("fastnda")
    handler, passed_on = _Listener(said), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
        said.extend(str(warning.message).splitlines()[0] for warning in caught)
    finally:
        logger.propagate = passed_on
        logger.removeHandler(handler)


def _fields(path: Path, said: list[str]) -> dict[str, str]:
    """Metadata as one flat map; what is damaged is left out and said."""
    try:
        return dict(_flat(fastnda.read_metadata(path)))
    except Exception as error:  # noqa: BLE001 - a damaged XML part must not cost the records
        said.append(f"Its metadata are not readable ({type(error).__name__}: {error}).")
        return {}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif value not in {None, ""} and not isinstance(value, list):
        yield path, str(value)


def _table(frame: pl.DataFrame) -> pl.DataFrame:
    have = frame.columns
    columns = [pl.col(old).alias(new) for old, new in _PLAIN.items() if old in have]
    columns += [
        (pl.col(old).cast(pl.Float64) / 1000).alias(new)
        for old, new in _MILLI.items()
        if old in have
    ]
    aux = [name for name in have if re.fullmatch(r"aux\d*_temperature_degC", name)]
    columns += [
        pl.col(name).alias(f"temperature_t{number}_celsius")
        for number, name in enumerate(aux[:5], start=1)
    ]
    return frame.select(columns)


def _metadata(kind: NewareBinary, fields: dict[str, str], unread: tuple[str, ...]) -> Metadata:
    def first(*names: str) -> str:
        return next((fields[name] for name in names if fields.get(name)), "")

    test = "TestInfo.TestInfo."
    place = [first(f"{test}{part}") for part in ("DevID", "UnitID", "ChlID")]
    start = first(f"{test}StartTime", "start_time")
    mass = first("active_mass_mg")
    return Metadata(
        format=kind.name,
        vendor=kind.vendor,
        software=first(
            "VersionInfo.ZwjVersion.CurrClientVer",
            "client_version",
            "bts_version",
            "server_version",
        ),
        instrument=first("VersionInfo.ZwjVersion.ZwjVersion", "server_version"),
        cell=first(f"{test}Barcode", "barcode", "remarks", f"{test}SN", "sn"),
        channel="-".join(part for part in place if part),
        protocol=first(f"{test}StepName", "step_name", "test_name"),
        operator=first(f"{test}Creator", "creator"),
        comment=first(f"{test}Remark", "remarks"),
        start_time=parse_date(start.split("+")[0]) if start else None,
        start_time_text=start,
        active_mass_kg=float(mass) * 1e-6 if mass and float(mass) > 0 else None,
        units=_UNITS,
        unread=unread,
        extra={
            name.removeprefix(test): value
            for name, value in fields.items()
            if name.startswith(test) or "." not in name
        },
    )


NDA: Final = NewareBinary("neware_nda", "Neware BTS binary (.nda)", (".nda",))
NDAX: Final = NewareBinary("neware_ndax", "Neware BTS binary archive (.ndax)", (".ndax",))
