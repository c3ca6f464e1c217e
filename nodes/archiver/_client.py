"""The REST interface of InvenioRDM, one method a call; nothing is repeated here but what waits."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx

from messages.errors import ConfigurationError
from messages.model import JsonObject
from nodes.archiver._errors import ArchiveError, UnsureError, complaints_of, refusal
from nodes.archiver._limits import Pace

_CHUNK: Final = 1 << 20
"""Bytes of a file that are read at a time."""

_PERHAPS_DONE: Final = (400, 404, 409)
"""What a step that was done already is refused with."""

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the archive lists it.

    Attributes:
        key: Its name.
        md5: In hex; empty until it is complete.
        size: Bytes; -1 until it is complete.
        complete: Whether its transfer was committed.
    """

    key: str
    md5: str
    size: int
    complete: bool


class InvenioClient:
    """One archive, spoken to by one token.

    Every method raises `ArchiveError` where the archive refuses, with the fields it complains
    about, also when the status is one of success; `UnsureError` where nobody knows whether it acted
    (a lost connection, a time-out, a 5xx). It waits, and asks again, only where the archive says
    that it did nothing: 429, and 503 with a Retry-After.

    Args:
        url: The API's address with its base path, ``https://zenodo.org/api`` say.
        token: Called before each request, so that a replaced token counts; it travels in the
            Authorization header alone.
        timeout: Wall seconds without a byte until a request is given up.
        longest_wait: Wall seconds that it waits at most when it is told to slow down.
        ca: Certificates to trust beside the system's, of an archive of one's own (PEM).

    Raises:
        ConfigurationError: The address is none, or a token would travel to it unencrypted.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        timeout: float = 60.0,
        longest_wait: float = 3600.0,
        ca: Path | None = None,
    ) -> None:
        self.url = checked_url(url)
        self._token = token
        self._pace = Pace(longest_wait)
        self._http = httpx.AsyncClient(
            timeout=timeout,
            verify=_trust(ca) if self.url.startswith("https:") else False,
            headers={"Accept": "application/json", "User-Agent": "labmesh-archiver"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def create(self, payload: JsonObject) -> tuple[JsonObject, str]:
        """Make a draft of a new record; return it, and what the archive complains about.

        The draft is there also with complaints: its id has to be kept before they are raised.
        """
        where = "POST /records"
        body = await self._json("POST", "/records", json=payload, complain=False)
        return _record(body, where), complaints_of(body)

    async def draft(self, record: str) -> JsonObject | None:
        """Return a draft; None where there is none (not yet, or it was published)."""
        path = f"/records/{record}/draft"
        return await self._json("GET", path, absent=(404, 410), complain=False)

    async def record(self, record: str) -> JsonObject | None:
        """Return a published record; None where there is none of that name."""
        return await self._json("GET", f"/records/{record}", absent=(404, 410))

    async def latest(self, record: str) -> str | None:
        """Return the name of the latest published version; None where there is none."""
        path = f"/records/{record}/versions/latest"
        response = await self._send("GET", path)
        if response.status_code in (404, 410):
            return None
        if response.is_redirect:
            # Only the name is taken: the token goes nowhere but where the operator said.
            return urlsplit(response.headers["Location"]).path.rstrip("/").rpartition("/")[2]
        body = self._checked(response, f"GET {path}", complain=True)
        return str(_record(body, f"GET {path}")["id"])

    async def files(self, record: str, *, draft: bool) -> dict[str, RemoteFile]:
        """Return the files of a draft or of a published record, by name."""
        path = f"/records/{record}{'/draft' if draft else ''}/files"
        body = await self._json("GET", path)
        return {each.key: each for each in map(_file, _entries(body, f"GET {path}"))}

    async def new_version(self, record: str) -> JsonObject:
        """Make the draft of the next version, or return the one that there is."""
        path = f"/records/{record}/versions"
        return _record(await self._json("POST", path), f"POST {path}")

    async def edit(self, record: str) -> JsonObject:
        """Make a draft of the published record itself, or return the one that there is."""
        path = f"/records/{record}/draft"
        return _record(await self._json("POST", path), f"POST {path}")

    async def put(self, record: str, payload: JsonObject) -> JsonObject:
        """Replace a draft's metadata.

        Never with what GET returned: that adds what PUT complains about, and hides real complaints.
        """
        path = f"/records/{record}/draft"
        return _record(await self._json("PUT", path, json=payload), f"PUT {path}")

    async def import_files(self, record: str) -> bool:
        """Link all files of the version before; False where the draft has files already."""
        path = f"/records/{record}/draft/actions/files-import"
        return await self._json("POST", path, absent=(400,)) is not None

    async def begin_files(self, record: str, names: list[str]) -> None:
        """Announce files."""
        path = f"/records/{record}/draft/files"
        await self._json("POST", path, once=True, json=[{"key": name} for name in names])

    async def upload(
        self, record: str, name: str, path: Path, size: int, tell: Callable[[int], None]
    ) -> None:
        """Send an announced file's content; ``tell`` is told how many bytes were read so far."""
        where = f"/records/{record}/draft/files/{quote(name, safe='')}/content"
        await self._json(
            "PUT", where, once=True, upload=lambda: _content(path, size, tell), length=size
        )

    async def commit(self, record: str, name: str) -> RemoteFile:
        """Complete a sent file; return it with the archive's own checksum and size."""
        path = f"/records/{record}/draft/files/{quote(name, safe='')}/commit"
        return _file(await self._json("POST", path, once=True))

    async def delete_file(self, record: str, name: str) -> None:
        """Take a file out of a draft; one that is not there is no error."""
        path = f"/records/{record}/draft/files/{quote(name, safe='')}"
        await self._json("DELETE", path, absent=(404,))

    async def delete_draft(self, record: str) -> None:
        """Delete a draft; one that is not there is no error."""
        await self._json("DELETE", f"/records/{record}/draft", absent=(404,))

    async def publish(self, record: str) -> JsonObject | None:
        """Publish a draft; None where there is no such draft: look whether it was published."""
        path = f"/records/{record}/draft/actions/publish"
        return await self._json("POST", path, absent=(404,))

    async def find(self, mark: str) -> list[JsonObject]:
        """Return the token's own records and drafts that bear an identifier, the newest first."""
        path = "/user/records"
        query = {"q": f'metadata.identifiers.identifier:"{mark}"', "sort": "newest", "size": "25"}
        body = await self._json("GET", path, query=query)
        hits = ((body or {}).get("hits") or {}).get("hits")
        if not isinstance(hits, list):
            raise ArchiveError("the archive's list of records is none", where=f"GET {path}")
        return [each for each in hits if _bears(each, mark)]

    async def community(self, name: str) -> str:
        """Return the id of a community by its id or short name."""
        path = f"/communities/{quote(name, safe='')}"
        body = await self._json("GET", path, absent=(404,))
        if body is None:
            raise ArchiveError(
                f"the archive has no community {name!r}", where=f"GET {path}",
                remedy="its short name is the end of its page's address",
            )  # fmt: skip
        return str(_record(body, f"GET {path}")["id"])

    async def set_review(self, record: str, community: str) -> None:
        """Say which community (by id) shall review a draft."""
        payload = {"receiver": {"community": community}, "type": "community-submission"}
        await self._json("PUT", f"/records/{record}/draft/review", json=payload)

    async def submit_review(self, record: str, words: str) -> JsonObject:
        """Hand a draft to its reviewers; return the request, whose status may be ``accepted``."""
        path = f"/records/{record}/draft/actions/submit-review"
        payload = {"payload": {"content": words, "format": "html"}}
        return await self._json("POST", path, once=True, json=payload) or {}

    async def _json(
        self,
        method: str,
        path: str,
        *,
        absent: tuple[int, ...] = (),
        complain: bool = True,
        once: bool = False,
        **request: Any,
    ) -> JsonObject | None:
        """Return the decoded answer; None for a status of ``absent`` and for one without a body.

        ``once``: the archive takes it only once, so that a refusal may mean that it was done
        before (a proxy on the way tries again by itself).
        """
        response = await self._send(method, path, **request)
        if response.status_code in absent:
            return None
        try:
            return self._checked(response, f"{method} {path}", complain=complain)
        except ArchiveError as error:
            if once and error.status in _PERHAPS_DONE and not isinstance(error, UnsureError):
                raise UnsureError(error.what, where=error.where, status=error.status) from error
            raise

    def _checked(
        self, response: httpx.Response, where: str, *, complain: bool
    ) -> JsonObject | None:
        status = response.status_code
        if status == 204:
            return None
        try:
            body = response.json()
        except ValueError:
            body = None
        if status >= 500:
            words = f"the archive answers {status}"
            raise UnsureError(words, where=where, retryable=True, status=status)
        if not response.is_success:
            raise refusal(status, body, where)
        if not isinstance(body, dict):
            raise ArchiveError(
                "what answers is no InvenioRDM: this is not JSON", where=where, status=status,
                remedy=f"check the address of the archive's API, which is now {self.url}",
            )  # fmt: skip
        if complain and complaints_of(body):
            raise refusal(status, body, where)
        return body

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: dict[str, str] | None = None,
        upload: Callable[[], AsyncIterator[bytes]] | None = None,
        length: int = 0,
    ) -> httpx.Response:
        where = f"{method} {path}"
        while True:
            await self._pace.turn()
            headers = {"Authorization": f"Bearer {self._token()}"}
            if upload is not None:
                headers["Content-Type"] = "application/octet-stream"
                headers["Content-Length"] = str(length)
            try:
                response = await self._http.request(
                    method, f"{self.url}{path}", json=json, params=query, headers=headers,
                    content=upload() if upload is not None else None,
                )  # fmt: skip
            except httpx.HTTPError as error:
                words = str(error) or type(error).__name__
                raise UnsureError(
                    f"no answer from the archive: {words}", where=where, retryable=True,
                    remedy="check the network, and the archive's own page of its state",
                ) from error  # fmt: skip
            if not self._pace.slows_down(response.status_code, response.headers, where):
                return response


def checked_url(url: str) -> str:
    """Return an API's address without a slash at its end.

    Raises:
        ConfigurationError: It is none, holds a password, or is unencrypted and not this machine's.
    """
    remedy = "write it as https://zenodo.org/api"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigurationError("this is no address of an archive", where=url, remedy=remedy)
    if parts.username or parts.password:
        raise ConfigurationError(
            "an archive's address holds no user and no password", where=host,
            remedy="the token belongs into a file (token_file)",
        )  # fmt: skip
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError(
            "the token would travel unencrypted", where=url, remedy="use https"
        )
    return url.rstrip("/")


def _trust(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or None)
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:
            raise ConfigurationError(f"no certificates: {error}", where=str(ca)) from error
    return context


async def _content(path: Path, size: int, tell: Callable[[int], None]) -> AsyncIterator[bytes]:
    """Yield exactly ``size`` bytes of a file.

    Raises:
        ArchiveError: It has another size by now.
    """
    done = 0
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            done += len(piece)
            if done > size:
                break
            yield piece
            tell(done)
    if done != size:
        raise ArchiveError(
            "a file changed while it was uploaded", where=str(path), retryable=True,
            remedy="nothing but the archiver writes to this folder",
        )  # fmt: skip


def _record(body: Any, where: str) -> JsonObject:
    if not isinstance(body, dict) or not body.get("id"):
        raise ArchiveError("the archive's answer has no id", where=where)
    return body


def _entries(body: Any, where: str) -> list[JsonObject]:
    entries = body.get("entries") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise ArchiveError("the archive's answer lists no files", where=where)
    return entries


def _file(entry: Any) -> RemoteFile:
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
        raise ArchiveError("the archive's answer names no file")
    kind, _, digest = str(entry.get("checksum") or "").partition(":")
    return RemoteFile(
        key=entry["key"],
        md5=digest if kind == "md5" else "",
        size=int(entry.get("size", -1)),
        complete=entry.get("status") == "completed",
    )


def _bears(record: Any, mark: str) -> bool:
    identifiers = ((record or {}).get("metadata") or {}).get("identifiers") or []
    return any(each.get("identifier") == mark for each in identifiers)
