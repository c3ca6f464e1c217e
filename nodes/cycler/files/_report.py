"""What a read file becomes in the ledger: `messages.cycling_data.CyclingDataOutput`."""

from __future__ import annotations

import numpy as np

from messages.cycling_data import (
    CycleSummary,
    CyclingDataOutput,
    CyclingFiles,
    DataFile,
    Finding,
)
from nodes.cycler.files._read import CyclerData

_AMOUNTS = ("charge_capacity", "discharge_capacity", "charge_energy", "discharge_energy")
_MOST = 4000


def report(
    data: CyclerData,
    *,
    raw: tuple[DataFile, ...] = (),
    table: DataFile | None = None,
    metadata: DataFile | None = None,
) -> CyclingDataOutput:
    """The result of reading a file.

    Args:
        data: What was read.
        raw: The vendor's files; by default the one that was read.
        table: The Parquet artifact.
        metadata: The CSVW artifact.
    """
    said = data.metadata
    cycles = data.cycles
    if data.summary.basis == "none":
        cycles = cycles.clear()  # no charge is known: not the same as none that flowed
    units = {name: "wh" if "energy" in name else "ah" for name in _AMOUNTS}
    findings = [
        Finding(code=check.name, severity=check.severity, words=check.words[:_MOST])
        for check in data.failures
    ] + [
        Finding(
            code=remark.code,
            severity="info" if remark.severity == "note" else remark.severity,
            words=remark.words[:_MOST],
        )
        for remark in data.remarks
    ]
    start = said.start_time
    time = data.table["test_time_second"].drop_nulls()
    return CyclingDataOutput(
        file_format=said.format,
        instrument=" ".join(part for part in (said.vendor, said.software) if part)[:_MOST],
        cell=said.cell[:_MOST],
        channel=said.channel[:_MOST],
        protocol=said.protocol[:_MOST],
        started=start if start is not None and start.tzinfo else None,
        records=data.table.height,
        duration=float(np.nan_to_num(time[-1] - time[0])) if len(time) else 0.0,
        summary=CycleSummary(
            cycle=cycles["cycle"].to_numpy().astype(np.int64),
            **{
                name: np.nan_to_num(cycles[f"{name}_{units[name]}"].fill_null(0.0).to_numpy())
                for name in _AMOUNTS
            },
        ),
        files=CyclingFiles(
            raw=raw or (DataFile(name=said.file_name, sha256=said.sha256),),
            table=table,
            metadata=metadata,
        ),
        findings=tuple(findings),
        consistent=not any(finding.severity == "error" for finding in findings),
    )
