"""What the raw files of a test say, and the artifacts made of them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from messages.cycling import CapacityOutput
from messages.cycling_data import CyclingDataOutput, DataFile
from messages.ledger import ArtifactRef, Rating
from nodes.cycler.files import CyclerData, read_cycler_file, report, write_parquet

_MEDIA: Final = {"parquet": "application/vnd.apache.parquet", "json": "application/csvm+json"}


class Attach(Protocol):
    """Keeps a copy of a file among the artifacts; as `labmesh.Order.attach`."""

    async def __call__(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Return its reference."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """Files made of a raw file, in a folder of their own that its owner removes."""

    data: CyclerData
    table: Path
    metadata: Path


def read_and_make(first: Path, *, timezone: str | None, folder: Path) -> Made:
    """Read a raw file (with the other parts of its test) and write table and metadata; blocks.

    Raises:
        UnreadableFileError: The file is not known, ambiguous or damaged.
    """
    data = read_cycler_file(first, timezone=timezone)
    table = folder / f"{first.stem}.parquet"
    document = write_parquet(data, table)
    metadata = folder / f"{first.stem}.parquet-metadata.json"
    metadata.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return Made(data, table, metadata)


async def attach_all(
    attach: Attach, made: Made, raw: Sequence[Path]
) -> tuple[CyclingDataOutput, tuple[ArtifactRef, ...]]:
    """Attach raw files, table and metadata; return the report that names them, and the references.

    Raises:
        ArtifactError: One cannot be copied.
    """
    raws = [await attach(part, name=part.name) for part in raw]
    table = await attach(made.table, name=made.table.name, media_type=_MEDIA["parquet"])
    metadata = await attach(made.metadata, name=made.metadata.name, media_type=_MEDIA["json"])
    output = report(
        made.data,
        raw=tuple(DataFile(name=each.name, sha256=each.sha256) for each in raws),
        table=DataFile(name=table.name, sha256=table.sha256),
        metadata=DataFile(name=metadata.name, sha256=metadata.sha256),
    )
    return output, (*raws, table, metadata)


def capacity_output(
    read: CyclingDataOutput, base: CapacityOutput, *, rating: Rating
) -> CapacityOutput:
    """Return the result of a cycling order by what its raw files say.

    A cycle counts as charged and discharged where something flowed; the last may lack its
    discharge.
    """
    summary = read.summary
    charge = np.array(summary.charge_capacity, dtype="<f8")
    discharge = np.array(summary.discharge_capacity, dtype="<f8")
    if charge.size and charge[-1] == 0:
        charge, discharge = charge[:-1], discharge[:-1]
    if discharge.size and discharge[-1] == 0:
        discharge = discharge[:-1]
    plain = base.model_dump() | {
        "charge_capacity": charge,
        "discharge_capacity": discharge,
        "summary": summary,
        "files": read.files,
        "findings": read.findings,
        "rating": rating,
    }
    return CapacityOutput.model_validate(plain)


def rated(read: CyclingDataOutput, *, wanted: int, ended: str) -> Rating:
    """Rate a run by what was measured: cycles of those wanted, and the checks of its files."""
    found = sum(1 for value in read.summary.discharge_capacity if value > 0)
    errors = [finding.words for finding in read.findings if finding.severity == "error"]
    warnings = [finding.words for finding in read.findings if finding.severity == "warning"]
    share = found / max(wanted, 1)
    rating = 5 if share >= 1 else 1 + int(3 * share)
    words = [f"{found} of {wanted} cycles"]
    if ended:
        words.append(ended)
    if errors:
        rating = min(rating, 1)
        words.append(f"checks failed: {errors[0]}")
    elif warnings:
        rating = min(rating, 3)
        words.append(f"checks warn: {warnings[0]}")
    return Rating(success=share >= 1 and not errors, rating=rating, reason="; ".join(words)[:4000])


def digest(file: Path) -> str:
    """Return a file's sha256; blocks."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for files that are attached and forgotten."""
    return tempfile.TemporaryDirectory(prefix="labmesh-cycler-")
