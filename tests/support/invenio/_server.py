"""The archive over real HTTP."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.invenio._acts import FORBIDDEN, NOT_FOUND, Answer, Archive
from tests.support.invenio._bodies import exchanges, failure
from tests.support.invenio._faults import Fault

TOKEN: Final = "token-of-the-lab"  # noqa: S105 - of a simulator
"""The one that it knows; whoever comes with another, or none, may only read."""

_TAKEN: Final = ("application/json", "application/vnd.inveniordm.v1+json", "*/*", "")

_ROUTES: Final = tuple(
    (re.compile(pattern.replace("{}", "([^/]+)")), act)
    for pattern, act in (
        ("POST records", Archive.create),
        ("GET records/{}", Archive.read),
        ("GET records/{}/draft", Archive.read_draft),
        ("PUT records/{}/draft", Archive.put),
        ("DELETE records/{}/draft", Archive.delete_draft),
        ("POST records/{}/draft", Archive.edit),
        ("POST records/{}/versions", Archive.versions),
        ("GET records/{}/versions/latest", Archive.latest),
        ("GET records/{}/files", Archive.list_files),
        ("GET records/{}/draft/files", Archive.list_draft_files),
        ("POST records/{}/draft/files", Archive.begin_files),
        ("POST records/{}/draft/files/{}/commit", Archive.commit),
        ("DELETE records/{}/draft/files/{}", Archive.delete_file),
        ("POST records/{}/draft/actions/files-import", Archive.import_files),
        ("POST records/{}/draft/actions/publish", Archive.publish),
        ("PUT records/{}/draft/review", Archive.set_review),
        ("POST records/{}/draft/actions/submit-review", Archive.submit_review),
        ("POST communities", Archive.create_community),
        ("GET communities/{}", Archive.community),
    )
)

Choose = Callable[[int, str, str], Fault | None]
"""Says what becomes of a request: its number from 1 on, its method, its path."""


class InvenioServer(Archive):
    """The archive on a free port; ``with`` runs it.

    Args:
        base: Base path of its API.

    Attributes:
        log: ``METHOD path`` of every request, in the order of arrival.
        choose: Decides on faults; called with the lock held.
        silence: Seconds that `Fault.SILENCE` lasts.
    """

    def __init__(self, base: str = "/api") -> None:
        super().__init__()
        self.base = base
        self.lock = threading.RLock()
        self.log: list[str] = []
        self.choose: Choose = lambda _number, _method, _path: None
        self.silence = 5.0
        self.tokens: list[str] = []

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.invenio = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Of its API, with the base path."""
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.base}"

    def uploads(self, since: int = 0) -> list[str]:
        """Return the paths of contents that were sent, from request number ``since`` on."""
        return [line for line in self.log[since:] if line.startswith("PUT") and "content" in line]

    def answer(self, method: str, path: str, query: str, body: bytes, token: str) -> Answer:
        """Return status and body of the answer to a request."""
        owner = "1" if token == TOKEN else ""
        if not owner and method != "GET":
            return FORBIDDEN
        words = [unquote(each) for each in path.removeprefix(self.base).strip("/").split("/")]
        if method == "PUT" and words[-1] == "content":
            return self.upload(words[1], words[4], body)
        payload = json.loads(body) if body else None
        if method == "GET" and not owner and ("draft" in words or "user" in words):
            return FORBIDDEN
        if words == ["user", "records"]:
            return self.search(parse_qs(query)["q"][0].partition(":")[2].strip('"'), owner)
        for pattern, act in _ROUTES:
            said = pattern.fullmatch(f"{method} {'/'.join(words)}")
            if said is not None:
                return act(self, *said.groups(), *([payload] if payload is not None else []))
        return NOT_FOUND


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one segment, or the second waits for the first's ACK
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _serve(self) -> None:
        archive: InvenioServer = self.server.invenio  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        with archive.lock:
            archive.log.append(f"{self.command} {parts.path}")
            fault = archive.choose(len(archive.log), self.command, parts.path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault is Fault.CUT:
            self.rfile.read(length // 2)
            self._hang_up()
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self._hang_up()  # it died in the middle: nothing is taken
            return
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        archive.tokens.append(token)
        if fault is Fault.SILENCE:
            time.sleep(archive.silence)
            self._hang_up()
            return
        if fault in (Fault.ERROR, Fault.SLOW_DOWN, Fault.UNAVAILABLE):
            status = {Fault.ERROR: 500, Fault.SLOW_DOWN: 429, Fault.UNAVAILABLE: 503}[fault]
            self._answer(status, failure(status, "not now"), {"Retry-After": "0"})
            return
        if parts.path.startswith(archive.base + "/"):
            with archive.lock:
                status, answer = self._act(archive, parts.path, parts.query, body, token)
                if fault is Fault.TWICE:
                    status, answer = self._act(archive, parts.path, parts.query, body, token)
        else:
            status, answer = NOT_FOUND
        if fault is Fault.LOST:
            self._hang_up()
        elif fault is Fault.ERROR_AFTER:
            self._answer(500, failure(500, "Internal server error"), {})
        else:
            headers = {"Location": answer["location"]} if status == 301 else {}
            self._answer(status, answer, headers)

    def _act(
        self, archive: InvenioServer, path: str, query: str, body: bytes, token: str
    ) -> Answer:
        accept = self.headers.get("Accept", "")
        if accept not in _TAKEN:
            (recorded,) = [each for each in exchanges() if each.status == 406]
            return 406, recorded.response
        status, answer = archive.answer(self.command, path, query, body, token)
        if accept == "application/vnd.inveniordm.v1+json" and status == 200:
            (recorded,) = [e for e in exchanges() if e.accept == accept and e.status == 200]
            answer = {**answer, "ui": recorded.response["ui"]}
        return status, answer

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        with suppress(OSError):
            self.send_response(status)
            content = b"" if body is None else json.dumps(body).encode()
            accept = self.headers.get("Accept", "")
            kind = accept if status == 200 and accept.startswith("application/") else ""
            kind = "text/html; charset=utf-8" if status == 204 else kind or "application/json"
            self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names
