"""A draft's files made to be exactly those that are wanted, whatever they are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from nodes.archiver._client import InvenioClient, RemoteFile
from nodes.archiver._errors import ArchiveError, UnsureError
from nodes.archiver._wanted import LocalFile

Tell = Callable[[int, int, str], None]
"""Told how many bytes are there, of how many, and what is being done."""

_MOST: Final = 100
"""Files in a record (InvenioRDM's and Zenodo's own limit)."""


def check_count(files: Mapping[str, LocalFile]) -> None:
    """Refuse what no archive takes, before anything is uploaded.

    Raises:
        ArchiveError: There are no files, too many, or an empty one (InvenioRDM takes none).
    """
    if not files:
        raise ArchiveError("there is nothing to archive")
    if len(files) > _MOST:
        raise ArchiveError(f"{len(files)} files are more than a record's {_MOST}")


def same(files: Mapping[str, LocalFile], remote: Mapping[str, RemoteFile]) -> bool:
    """Return whether a record holds exactly these files, each complete."""
    return files.keys() == remote.keys() and all(
        _fits(file, remote[name]) for name, file in files.items()
    )


async def sync_files(
    client: InvenioClient,
    draft: str,
    files: Mapping[str, LocalFile],
    *,
    tell: Tell,
    moved: Callable[[], None],
) -> None:
    """Delete what is wrong in a draft, upload what is missing, leave alone what is right.

    A file whose transfer has begun is begun anew: an archive takes its content only once.

    Args:
        client: The archive.
        draft: Its name for the draft.
        files: By name.
        tell: Told how far it is.
        moved: Called when a file has been completed and verified.

    Raises:
        ArchiveError: The archive refused, or has other bytes than were sent.
        UnsureError: Nobody knows; call again.
    """
    there = await client.files(draft, draft=True)
    right = {name for name, file in files.items() if name in there and _fits(file, there[name])}
    for name in sorted(there.keys() - right):
        await client.delete_file(draft, name)
    missing = sorted(files.keys() - right)
    total = sum(file.size for file in files.values())
    done = sum(files[name].size for name in right)
    if missing:
        await client.begin_files(draft, missing)
    for name in missing:
        file, before = files[name], done

        def told(read: int, before: int = before, name: str = name) -> None:
            tell(before + read, total, f"uploading {name}")

        tell(done, total, f"uploading {name}")
        await client.upload(draft, name, file.path, file.size, told)
        _verify(file, await client.commit(draft, name))
        done += file.size
        moved()
    if missing and not same(files, await client.files(draft, draft=True)):
        # Somebody else works on this draft, or the archive forgot: look at it again.
        raise UnsureError("the draft's files are not those that were uploaded", where=draft)
    tell(total, total, "all files are at the archive")


def _fits(file: LocalFile, remote: RemoteFile) -> bool:
    return remote.complete and (remote.md5, remote.size) == (file.md5, file.size)


def _verify(file: LocalFile, remote: RemoteFile) -> None:
    if not _fits(file, remote):
        raise UnsureError(
            f"the archive has {remote.size} bytes with md5 {remote.md5 or 'unknown'} of "
            f"{file.name}, not {file.size} with {file.md5}",
            where=file.name,
            retryable=True,
        )
