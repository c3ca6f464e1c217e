"""What the tests of deposits share: a campaign of a few files, and an engine for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from messages.model import JsonObject
from nodes.archiver._client import InvenioClient
from nodes.archiver._engine import Deposited, DepositEngine
from nodes.archiver._state import DepositStore
from nodes.archiver._wanted import Wanted, read_files
from tests.support.invenio import TOKEN, InvenioServer, Record

MARK: Final = "urn:uuid:5b0e6f0a-3f0e-5b52-8f5a-4d4d51a3c6e2"
METADATA: Final[JsonObject] = {
    "resource_type": {"id": "dataset"},
    "title": "End of life of coin cells",
    "publisher": "Demo archive",
    "description": "<p>All that a campaign measured.</p>",
    "creators": [
        {
            "person_or_org": {"type": "personal", "given_name": "Ada", "family_name": "Lab"},
            "affiliations": [{"name": "X"}],
        }
    ],
    "rights": [{"id": "cc-by-4.0"}],
    "subjects": [{"subject": "ionic conductivity"}],
}
PUBLIC: Final[JsonObject] = {"record": "public", "files": "public"}

FIRST: Final = {
    "README.md": b"# one",
    "ledger-000000.msgpack.gz": b"0" * 900,
    "results.json": b"[1]",
}
SECOND: Final = {
    "README.md": b"# two", "ledger-000000.msgpack.gz": FIRST["ledger-000000.msgpack.gz"],
    "ledger-000001.msgpack.gz": b"1" * 500, "results.json": b"[1, 2]",
}  # fmt: skip


def folder_of(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files into a folder that holds nothing else afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def wanted(files: Mapping[str, bytes], folder: Path, **changes: Any) -> Wanted:
    """Return what a record shall be."""
    paths = folder_of(files, folder).iterdir()
    said: dict[str, Any] = {
        "mark": MARK, "metadata": METADATA, "access": PUBLIC, "files": read_files(paths),
        "version": "2026.11.22",
    }  # fmt: skip
    return Wanted(**{**said, **changes})


class Archiver:
    """An engine on a store of its own, as a process has it."""

    def __init__(
        self,
        client: InvenioClient,
        store: DepositStore,
        folder: Path,
        mark: str,
        settle: tuple[float, ...],
    ) -> None:
        self.folder = folder
        self.mark = mark
        self.engine = DepositEngine(
            client, store, today=lambda: "2026-11-22", settle=settle, pause=0.01
        )

    async def deposit(
        self, files: Mapping[str, bytes], *, by: str = "one", former: str = "", **changes: Any
    ) -> Deposited:
        """Deposit files of these contents."""
        asked = wanted(files, self.folder / "files", mark=self.mark, **changes)
        return await self.engine.deposit("campaign", asked, by=by, former=former)


@asynccontextmanager
async def archiver_at(
    url: str,
    folder: Path,
    *,
    token: Callable[[], str] = lambda: TOKEN,
    mark: str = MARK,
    patience: float = 2.0,
    settle: tuple[float, ...] = (0.0, 0.05),
) -> AsyncIterator[Archiver]:
    """Return an archiver of a server; another one on the same folder goes on where it ended."""
    store = DepositStore(folder / "store.sqlite")
    try:
        async with InvenioClient(url, token, timeout=patience) as client:
            yield Archiver(client, store, folder, mark, settle)
    finally:
        store.close()


def archiver(
    server: InvenioServer, folder: Path, *, token: Callable[[], str] = lambda: TOKEN
) -> AbstractAsyncContextManager[Archiver]:
    """Return an archiver of the tests' own server."""
    return archiver_at(server.url, folder, token=token)


def published(server: InvenioServer) -> list[Record]:
    """Return the published records, oldest first."""
    return [each for each in server.records.values() if each.published is not None]


def contents(record: Record) -> dict[str, bytes]:
    """Return a record's files; none may be pending."""
    assert all(file.complete for file in record.files.values())
    return {key: file.content or b"" for key, file in record.files.items()}


def check_whole(server: InvenioServer, *versions: Mapping[str, bytes]) -> None:
    """Check that there is one record with exactly these versions, and nothing else."""
    found = published(server)
    assert [contents(each) for each in found] == list(versions)
    assert len({each.parent for each in found}) <= 1
    assert [each.index for each in found] == list(range(1, len(versions) + 1))
    assert all(each.published_times == 1 for each in found)
    left = [each.id for each in server.records.values() if each.published is None]
    assert not left, f"drafts left behind: {left}"
