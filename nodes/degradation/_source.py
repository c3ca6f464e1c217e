"""The measured data behind a request: a result of the ledger, and its table."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from labmesh.client import LabClient
from messages.cycling_data import CycleSummary
from messages.envelope import validate
from messages.errors import (
    ArtifactError,
    CallRefusedError,
    ConfigurationError,
    LabmeshError,
    OrderError,
)
from messages.query import ResultView
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.degradation._table import CycleTable, TableError, cycles_of, read_table

CYCLING: Final = (("capacity", "cycling"), ("cycling_data", "import"))
"""The capabilities whose results hold a cell's cycles."""

_HELD: Final = 64 * 2**20
"""A table larger than this is not read: more than a million records of all columns."""


@dataclass(frozen=True)
class Measured:
    """What a result holds.

    Attributes:
        summary: Capacities by cycle, where the result tells of them.
        table: The cycler's table, where there is one.
        formation: Cycles of formation that were asked for; None where nobody has said.
        simulated: Whether the cell is.
        synthetic: What of it is made up, in words, as the result's notes say.
        remarks: What was not as it should be.
    """

    summary: CycleSummary | None
    table: CycleTable | None
    formation: int | None
    simulated: bool
    synthetic: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())


async def measured(
    lab: LabClient, result: UUID, *, sample: str | None = None, patience: float = 30.0
) -> Measured:
    """Fetch what a result of the ledger holds.

    Args:
        lab: The node's client.
        result: Its uuid.
        sample: The cell that it must be about, where that is known.
        patience: Wall seconds to wait for a table.

    Raises:
        OrderError: There is no such result, it is of something else, or its table cannot be had.
    """
    where = "cycling_result"
    try:
        view = await lab.result(result)
    except CallRefusedError as error:
        raise OrderError(
            f"the ledger has no result {result}: {error.what}",
            where=where,
            remedy="name a result of capacity/cycling: labmesh result list",
        ) from error
    if (view.quantity, view.method) not in CYCLING:
        raise OrderError(
            f"result {result} is of {view.quantity}/{view.method}, not of cycling",
            where=where,
            remedy="name a result of capacity/cycling",
        )
    cell = cell_of(view)
    if sample and cell and sample != cell:
        raise OrderError(
            f"result {result} is about {cell}, and the request about {sample}",
            where=where,
            remedy="name the result of the cell",
        )
    return await read_result(lab, view, patience=patience)


async def read_result(lab: LabClient, view: ResultView, *, patience: float) -> Measured:
    """Return what a result holds.

    Raises:
        OrderError: Its table cannot be had, or holds no cycles.
    """
    remarks = []
    if view.outcome == "failed":
        words = view.failure.message if view.failure else "it failed"
        remarks.append(f"the cycling ended early: {words}")
    summary = _summary(view, remarks)
    sha256 = _table_of(view)
    table = None
    if sha256 is not None:
        table = await _fetched(lab, sha256, summary, remarks, patience)
    if table is None and summary is None:
        raise OrderError(
            f"result {view.id} holds neither capacities nor a table",
            where="cycling_result",
            remedy="read the cycler's file: labmesh cycler read, or the harvester",
        )
    notes = view.provenance.notes.get("synthetic", ())
    synthetic = tuple(str(each) for each in notes) if isinstance(notes, list | tuple) else ()
    return Measured(
        summary=summary,
        table=table,
        formation=_formation(view),
        simulated=view.provenance.simulated
        or view.provenance.notes.get(RESTS_ON_SIMULATED) is True,
        synthetic=synthetic,
        remarks=tuple(remarks),
    )


def cell_of(view: ResultView) -> str:
    """Return the sample that a result is about; empty where it names none."""
    info = view.data.get("cell_info")
    if not isinstance(info, dict):
        info = view.parameters.get("cell_info")
    found = info.get("sample") if isinstance(info, dict) else view.parameters.get("sample")
    if not found and view.samples:
        found = view.samples[-1].sample
    return str(found or "")


def _summary(view: ResultView, remarks: list[str]) -> CycleSummary | None:
    plain = view.data.get("summary")
    if plain is None:
        return None
    try:
        return validate(CycleSummary, plain, where="data.summary")
    except LabmeshError as error:
        remarks.append(f"its summary cannot be read: {error.what}")
        return None


def _table_of(view: ResultView) -> str | None:
    files = view.data.get("files")
    table = files.get("table") if isinstance(files, dict) else None
    if isinstance(table, dict) and isinstance(table.get("sha256"), str):
        return str(table["sha256"])
    tables = [each.sha256 for each in view.artifacts if each.name.lower().endswith(".parquet")]
    return tables[0] if tables else None


def _formation(view: ResultView) -> int | None:
    """Return how many cycles of formation the cycling was asked for.

    A request that leaves it to the protocol does not say: then the currents tell.
    """
    asked: Any = view.parameters.get("formation_cycles")
    return asked if isinstance(asked, int) and not isinstance(asked, bool) else None


async def _fetched(
    lab: LabClient, sha256: str, summary: CycleSummary | None, remarks: list[str], patience: float
) -> CycleTable | None:
    with tempfile.TemporaryDirectory(prefix="labmesh-degradation-") as folder:
        path = Path(folder) / "table.parquet"
        try:
            await lab.artifact(sha256, to=path, patience=patience)
        except ArtifactError as error:
            raise OrderError(
                f"the table {sha256[:12]} cannot be had: {error.what}",
                where="cycling_result",
                remedy="see labmesh artifact list --missing",
                retryable=True,
            ) from error
        except ConfigurationError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        if path.stat().st_size > _HELD:
            remarks.append("its table is too large to be read: capacities alone")
            return None
        try:
            return await asyncio.to_thread(_read, path)
        except TableError as error:
            if summary is None:
                raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
            remarks.append(f"its table is of no use: {error.what}")
            return None


def _read(path: Path) -> CycleTable:
    return cycles_of(read_table(path))
