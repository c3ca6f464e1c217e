"""A crate as a ledger for reading."""

from __future__ import annotations

from pathlib import Path

from labmesh.record import Record


def crate_record(folder: Path) -> Record:
    """Return what a crate's folder holds as a `labmesh.record.Record`.

    Bodies that are withheld are None; offsets whose segment is not in the crate are left out.

    Raises:
        LabmeshError: A segment is damaged.
    """
    raise NotImplementedError
