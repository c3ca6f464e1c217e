"""What ``labmesh eln`` does, apart from its words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from labmesh.client import Visitor, requester
from labmesh.record import Record, file_record, mesh_record


@asynccontextmanager
async def record_of(
    file: Path | None, visit: Callable[[], AbstractAsyncContextManager[Visitor]]
) -> AsyncIterator[Record]:
    """Give the ledger to read: a file's, else the mesh's.

    Args:
        file: The ledger's file; None to ask the mesh.
        visit: Takes part in the mesh.

    Raises:
        ConfigurationError: No mesh is known, or the file is no ledger.
        NotConnectedError: The MQTT broker does not answer.
    """
    if file is not None:
        yield file_record(str(file))
        return
    with TemporaryDirectory(prefix="labmesh-eln-") as folder:
        async with visit() as visitor, requester(visitor) as lab:
            yield mesh_record(lab, Path(folder))
