"""The ledger as a `Record`: its broker node's, or its file's when nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from labmesh.cli._records import MeshRecords, find_ledger_file, records
from labmesh.cli._session import Session
from labmesh.record import Record, file_record, mesh_record


@asynccontextmanager
async def record_of(session: Session, *, artifacts: Path | None = None) -> AsyncIterator[Record]:
    """Open the ledger for reading entry by entry; as `labmesh.cli._records.records`.

    Args:
        session: Says where it is.
        artifacts: Folder of the artifacts of a file; by default what lies beside it. Those of a
            mesh are fetched into a folder that is deleted at the end.

    Raises:
        LabmeshError: Neither the mesh nor a file can be read.
    """
    from labmesh.client import requester

    async with records(session) as source:
        if not isinstance(source, MeshRecords):
            yield file_record(str(find_ledger_file(session)), artifacts)
            return
        with TemporaryDirectory(prefix="labmesh-") as folder:
            async with requester(source.visitor) as client:
                yield mesh_record(client, Path(folder))
