"""Published conductivities: reading the table, and choosing the rows that apply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from messages.errors import ConfigurationError
from messages.ledger import Source
from nodes.optimiser._campaign_file import DatasetSection
from nodes.optimiser._density import molality_from

_COLUMNS = ("doi", "k", "T", "c", "c units", "solvent ratio type", "EC", "EMC")


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One published conductivity of LiPF6 in EC:EMC, in our units.

    Attributes:
        row: Number in the table, from 1 (its header does not count).
        doi: The experimental work.
        conductivity: S/m.
        temperature: K.
        molality: mol/kg of solvent.
        w_ec: EC/(EC + EMC), kg/kg.
        original: The cells as published, for the record.
    """

    row: int
    doi: str
    conductivity: float
    temperature: float
    molality: float
    w_ec: float
    original: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table, where it comes from, and what could not be used.

    Attributes:
        name: Of the table; part of the identity of its rows.
        source: Title, DOI and licence.
        rows: Those with a temperature, a unit and a ratio that can be converted honestly.
        left_out: Reason to number of rows.
    """

    name: str
    source: Source
    rows: tuple[PublishedRow, ...]
    left_out: dict[str, int]

    def near(self, temperature: float, window: float) -> tuple[PublishedRow, ...]:
        """Return the rows within ``window`` K of ``temperature``."""
        slack = 1e-6
        return tuple(r for r in self.rows if abs(r.temperature - temperature) <= window + slack)


def read_published(section: DatasetSection, folder: Path) -> PublishedTable:
    """Read the table a campaign file names.

    Mass ratios are taken as they are, mol/l is converted by `molality_from`. Volume ratios are
    left out: EC is solid below 309 K, so what "30 % by volume" weighed is anyone's guess. Flagged
    rows are left out.

    Args:
        section: From the campaign file.
        folder: Where a relative ``file`` is looked for.

    Raises:
        ConfigurationError: The table is missing, altered, or lacks a column.
    """
    if section.file is not None:
        path = folder / section.file
        name = path.stem
        source = Source(title=section.title, doi=section.doi, licence=section.licence)
        try:
            frame = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from error
    else:
        name = str(section.dataset)
        frame, source = _packaged(name)
    missing = [column for column in _COLUMNS if column not in frame.columns]
    if missing:
        raise ConfigurationError(
            f"column {missing[0]!r} is missing",
            where=name,
            remedy=f"a table of published conductivities has {', '.join(_COLUMNS)}",
        )
    rows: list[PublishedRow] = []
    left_out: dict[str, int] = {}
    for index, record in enumerate(frame.to_dict("records"), start=1):
        reason = _unusable(record, section.only)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            rows.append(_row(index, record))
    return PublishedTable(name, source, tuple(rows), left_out)


def _unusable(record: dict[Any, Any], only: Iterable[str]) -> str:
    wanted = tuple(only)
    solvent = float(record["EC"]) + float(record["EMC"])
    if wanted and record["doi"] not in wanted:
        return "another work"
    if "flag" in record and not pd.isna(record["flag"]):
        return "flagged"
    if record["solvent ratio type"] != "w":
        return "solvent not by mass"
    if record["c units"] not in ("mol/kg", "mol/l"):
        return f"salt in {record['c units']}"
    if abs(solvent - 1.0) > 1e-6:
        return "other solvents"
    return ""


def _row(index: int, record: dict[Any, Any]) -> PublishedRow:
    w_ec, amount = float(record["EC"]), float(record["c"])
    molality = amount if record["c units"] == "mol/kg" else molality_from(amount, w_ec)
    return PublishedRow(
        row=index,
        doi=str(record["doi"]),
        conductivity=0.1 * float(record["k"]),
        temperature=float(record["T"]),
        molality=molality,
        w_ec=w_ec,
        original={column: record[column] for column in _COLUMNS},
    )


def _packaged(name: str) -> tuple[pd.DataFrame, Source]:
    folder = resources.files("nodes.optimiser") / "data"
    table, sidecar = folder / f"{name}.csv", folder / f"{name}.json"
    if not (table.is_file() and sidecar.is_file()):
        known = sorted(p.name.removesuffix(".csv") for p in folder.iterdir() if ".csv" in p.name)
        raise ConfigurationError(
            f"there is no dataset {name!r} in this package", remedy=f"known: {', '.join(known)}"
        )
    about = json.loads(sidecar.read_text(encoding="utf-8"))
    content = table.read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise ConfigurationError(
            f"dataset {name!r} is not the published one: its sha256 differs from its sidecar's",
            remedy="install the package again",
        )
    with table.open("rb") as stream:
        frame = pd.read_csv(stream)
    source = Source(
        title=about["title"],
        doi=about["doi"],
        licence=about["licence"],
        retrieved=about["retrieved"],
    )
    return frame, source
