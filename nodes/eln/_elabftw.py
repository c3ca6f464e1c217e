"""Writing a campaign into eLabFTW by its REST API v2: what is missing is imported as an .eln file.

``POST /api/v2/import`` takes an .eln file. It makes new entries each time it is asked, so each
entry is looked for first: its body has our id in it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import httpx

from labmesh.crate import CrateDescription
from labmesh.record import Record
from messages.eln import ElnWritten
from messages.errors import ConfigurationError
from nodes.eln._export import export
from nodes.eln._openbis_session import NotebookError
from nodes.eln._story import Story, Tell
from nodes.eln._words import result_title, sample_title

_API: Final = "/api/v2"
_ETERNAL: Final = 600.0
"""Wall seconds that an import may take: eLabFTW answers when all entries are made."""


class ElabFtw:
    """An eLabFTW server.

    Args:
        url: ``https://host``.
        key: An API key that may write.
        ca_file: Certificate of whom to trust; None for the usual ones.
        patience: Wall seconds to wait for each answer but an import's.
    """

    def __init__(self, url: str, key: str, *, ca_file: Path | None, patience: float) -> None:
        self.url = url
        try:
            context = ssl.create_default_context()
            if ca_file is not None:
                context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(f"no certificates: {error}", where=str(ca_file)) from error
        self._http = httpx.AsyncClient(
            base_url=f"{url}{_API}", headers={"Authorization": key}, timeout=patience,
            verify=context,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self._http.aclose()

    async def deploy(
        self, record: Record, story: Story, description: CrateDescription, *, dry_run: bool,
        tell: Tell,
    ) -> list[ElnWritten]:  # fmt: skip
        """Import the samples and results that are not there; return how many of each.

        Samples become resources, results experiments. A sample that is there stays as it is: what
        became of it later is told by the results that come after.

        Raises:
            NotebookError: The server refuses, or does not answer.
        """
        total = len(story.samples) + len(story.results)
        missing: dict[str, set[str]] = {"items": set(), "experiments": set()}
        wanted = [
            *(("items", each.id, sample_title(each)) for each in story.samples.values()),
            *(("experiments", each.id, result_title(each)) for each in story.results.values()),
        ]
        for done, (kind, name, title) in enumerate(wanted, 1):
            if not await self._there(kind, name, title):
                missing[kind].add(name)
            tell(done, total)
        counts = [
            ElnWritten(kind=kind, created=len(missing[kind]), present=len(of) - len(missing[kind]))
            for kind, of in (("items", story.samples), ("experiments", story.results))
        ]
        new = missing["items"] | missing["experiments"]
        if not new or dry_run:
            return counts
        with TemporaryDirectory(prefix="labmesh-elabftw-") as folder:
            file = Path(folder) / f"{story.campaign}.eln"
            written = await export(record, story, file, description, only=new, tell=tell)
            if written.missing:
                raise NotebookError(
                    f"{len(written.missing)} files could not be had; nothing was sent",
                    where=", ".join(each[:12] for each in written.missing[:5]),
                    remedy="see `labmesh artifact list --missing`, then deploy again",
                )
            await self._import(file)
        return counts

    async def _there(self, kind: str, name: str, title: str) -> bool:
        """Tell whether an entry is there: others may name it in their texts."""
        found = (await self._ask("GET", f"/{kind}", params={"q": name, "limit": "999"})).json()
        return any(isinstance(each, dict) and each.get("title") == title for each in found)

    async def _import(self, file: Path) -> None:
        with file.open("rb") as content:
            await self._ask(
                "POST", "/import", timeout=_ETERNAL,
                files={"file": (file.name, content, "application/vnd.eln+zip")},
                data={"entity_type": "", "category": "0"},
            )  # fmt: skip

    async def _ask(self, method: str, path: str, **asked: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **asked)
        except httpx.HTTPError as error:
            raise NotebookError(
                f"{self.url} does not answer: {str(error) or type(error).__name__}",
                remedy="run it again when the server is there: what it has is not sent again",
            ) from None
        if answer.status_code in {401, 403}:
            raise ConfigurationError(
                f"{self.url} does not let this key do that", where=f"{method} {_API}{path}",
                remedy="make an API key that may write, in eLabFTW's settings",
            )  # fmt: skip
        if not answer.is_success:
            raise NotebookError(
                f"eLabFTW refuses: {answer.status_code} {answer.text[:300]}",
                where=f"{method} {self.url}{_API}{path}",
            )
        return answer
