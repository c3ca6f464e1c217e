"""A folder of crates: the archive of a laboratory that has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from messages.archive import DepositedFile, DepositOutput
from messages.errors import ConfigurationError
from nodes.archiver._state import DepositStore, Known, State
from nodes.archiver._targets import Asked, Done, part, today, work
from nodes.archiver._wanted import digest_of, next_version


class FolderTarget:
    """A folder with one crate for each campaign.

    Args:
        folder: The folder.
        store: What was deposited.
        said: Returns where the descriptions are.
    """

    kind: Final = "folder"

    def __init__(self, folder: Path, store: DepositStore, said: Callable[[], str]) -> None:
        self._folder = folder
        self._store = store
        self._said = said

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._folder)

    async def check(self) -> str:
        """Make the folder."""
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the folder of crates cannot be made: {error}", where=str(self._folder)
            ) from error
        return f"crates are written into {self._folder}"

    async def deposit(self, asked: Asked) -> Done:
        """Write the crate where it belongs."""
        prepare = await work()
        said = prepare.described(self._said(), asked.campaign)
        target = self._folder / prepare.folder_name(asked.campaign)
        summary = await prepare.written(
            asked.record, asked.campaign, target, said, part(asked.tell, 0.0, 1.0)
        )
        hashes = {each.path: each.sha256 for each in summary.files}
        content = digest_of(hashes)
        key = f"{asked.campaign} {target}"
        known = (self._store.read(key) or State()).known
        if known is None or known.metadata != content:
            version = next_version(summary.version, known.version if known else "")
            known = Known(
                record=asked.campaign, version=version, date=today(), metadata=content,
                before=known.files if known else {}, files=hashes, by=asked.by,
            )  # fmt: skip
            self._store.write(key, State(known=known))
        output = DepositOutput(
            campaign=asked.campaign, kind="folder", archive=self.address, state="published",
            new=known.by == asked.by, record=asked.campaign, url=str(target),
            version=known.version, publication_date=known.date,
            files=tuple(
                DepositedFile(
                    name=each.path, size=each.size, sha256=each.sha256,
                    linked=known.before.get(each.path) == each.sha256,
                )
                for each in summary.files if "/" not in each.path
            ),
            uploaded=sum(
                each.size for each in summary.files
                if known.before.get(each.path) != each.sha256
            ),
            removed=tuple(sorted(known.before.keys() - hashes.keys()))[:100],
            access=summary.access, content_sha256=content, metadata_sha256=digest_of(summary.title),
        )  # fmt: skip
        return Done(output, summary.missing)
