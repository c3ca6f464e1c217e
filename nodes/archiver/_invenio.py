"""An InvenioRDM as a target of deposits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from messages.archive import DepositedFile, DepositOutput
from messages.model import JsonObject
from nodes.archiver._client import InvenioClient, checked_url
from nodes.archiver._engine import Deposited, DepositEngine
from nodes.archiver._parameters import ArchiverParameters
from nodes.archiver._state import DepositStore
from nodes.archiver._targets import Asked, Done, part, today, work
from nodes.archiver._token import token_of
from nodes.archiver._wanted import LocalFile, Wanted, read_files

_CRATE: Final = 0.3
"""How far a deposit is, for its feedback, when the crate is written."""


class InvenioTarget:
    """An InvenioRDM.

    Args:
        parameters: Returns the node's parameters as they are.
        folder: Of the node: crates and zips are written below it.
        store: What was deposited, and what is in hand.
        site: Whose laboratory it is.
    """

    kind: Final = "invenio"

    def __init__(
        self,
        parameters: Callable[[], ArchiverParameters],
        folder: Path,
        store: DepositStore,
        site: str,
    ) -> None:
        self._set = parameters
        self._url = checked_url(parameters().url)
        self._folder = folder
        self._store = store
        self._site = site

    @property
    def address(self) -> str:
        """The address of its API."""
        return self._url

    async def check(self) -> str:
        """Ask for nothing that changes anything, with the token."""
        async with self._client() as client:
            await client.find("urn:labmesh:is-the-token-good")
        return f"{self._url} answers, and takes the token"

    async def deposit(self, asked: Asked) -> Done:
        """Write the crate into the node's folder, and bring the record up to date."""
        prepare = await work()
        metadata: Any = import_module("nodes.archiver._metadata")
        said = prepare.described(self._set().description, asked.campaign)
        name = prepare.folder_name(asked.campaign)
        crate = self._folder / "crates" / name
        summary = await prepare.written(
            asked.record, asked.campaign, crate, said, part(asked.tell, 0.0, _CRATE)
        )
        hashed = [(each.path, each.sha256) for each in summary.files]
        asked.tell(_CRATE, "packing")
        files = await asyncio.to_thread(_packed, crate, hashed, self._folder / "packs" / name)
        publisher = self._set().publisher or urlsplit(self._url).hostname or self._url
        wanted = Wanted(
            mark=await prepare.mark_of(asked.record, asked.campaign),
            metadata=metadata.metadata_of(summary, said, publisher=publisher, site=self._site),
            access=metadata.access_of(summary, today()),
            files=files, version=summary.version,
            community=said.community or self._set().community,
        )  # fmt: skip
        async with self._client() as client:
            engine = DepositEngine(
                client, self._store, today=today,
                tell=lambda done, total, words: asked.tell(
                    _CRATE + (0.98 - _CRATE) * done / max(total, 1), words
                ),
            )  # fmt: skip
            key = f"{asked.campaign} {self._url}"
            found = await engine.deposit(key, wanted, by=asked.by, former=asked.former)
        words = metadata.words_of(wanted.access)
        return Done(_output(asked.campaign, self._url, wanted, found, words), summary.missing)

    def _client(self) -> InvenioClient:
        at = self._set()
        return InvenioClient(
            self._url, lambda: token_of(self._set().token_file), timeout=at.timeout,
            longest_wait=at.longest_wait, ca=Path(at.ca_file) if at.ca_file else None,
        )  # fmt: skip


def _output(
    campaign: str, url: str, wanted: Wanted, found: Deposited, access: str
) -> DepositOutput:
    body, parent = found.record, found.record.get("parent") or {}
    metadata = body.get("metadata") or {}
    files = tuple(
        _file(local, linked=found.before.get(local.name) == local.md5)
        for _, local in sorted(wanted.files.items())
    )
    return DepositOutput(
        campaign=campaign, kind="invenio", archive=url,
        state="published" if found.published else "in_review", new=found.new,
        record=str(body["id"]), parent=str(parent.get("id", "")),
        pid=_doi(body), parent_pid=_doi(parent),
        url=str((body.get("links") or {}).get("self_html", "")),
        version=str(metadata.get("version", "")),
        publication_date=str(metadata.get("publication_date", today())),
        files=files, uploaded=sum(each.size for each in files if not each.linked),
        removed=tuple(sorted(found.before.keys() - wanted.files.keys()))[:100],
        access=access, content_sha256=wanted.content_sha256,
        metadata_sha256=wanted.metadata_sha256,
    )  # fmt: skip


def _file(local: LocalFile, *, linked: bool) -> DepositedFile:
    return DepositedFile(
        name=local.name, size=local.size, md5=local.md5, sha256=local.sha256, linked=linked
    )


def _doi(body: JsonObject) -> str:
    """Return a body's DOI; without one its OAI identifier, which an archive that mints none has."""
    pids = body.get("pids") or {}
    for scheme in ("doi", "oai"):
        if scheme in pids:
            return str(pids[scheme].get("identifier", ""))
    return ""


def _packed(crate: Path, hashed: list[tuple[str, str]], packs: Path) -> dict[str, LocalFile]:
    pack: Any = import_module("nodes.archiver._pack")
    return read_files(pack.upload_set(crate, hashed, packs))
