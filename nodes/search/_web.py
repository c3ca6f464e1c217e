"""The HTTP port: SPARQL 1.1 protocol, lists, and a page for people. Nothing can be changed here."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from messages.errors import ConfigurationError, LabmeshError
from nodes.search._sparql import GRAPHS, TABLES

_BODY: Final = 100_000
"""Bytes of the longest query that is read."""

_PATIENCE: Final = 660.0
"""Wall seconds for an answer; the node's own limits are shorter."""

_SILENCE: Final = 30.0
"""Wall seconds without a byte after which a connection is closed."""

Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers a verb (sparql, results, related, page, status) of the port: {text, media_type, ...}."""


class WebServer:
    """Serves HTTP from threads of its own, until `close`.

    Args:
        port: 1 to 65535.
        address: Interface to listen on.
        ask: Answers, in the event loop that runs now.

    Raises:
        ConfigurationError: Nobody can listen there.
    """

    def __init__(self, port: int, address: str, ask: Ask) -> None:
        loop = asyncio.get_running_loop()
        self._threads: list[threading.Thread] = []

        class Bound(_Handler):
            timeout = _SILENCE
            hosts = _hosts(address, port)

            def answer(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
                future = asyncio.run_coroutine_threadsafe(_awaited(ask(verb, given)), loop)
                return future.result(_PATIENCE)

        try:
            self._server = ThreadingHTTPServer((address, port), Bound)
        except OSError as error:
            raise ConfigurationError(
                f"nobody can listen at {address}:{port}: {error.strerror or error}",
                where="http_port",
                remedy="choose another http_port (0: none), or an http_address of this machine",
            ) from None
        self._server.daemon_threads = True
        self.where = f"http://{address}:{port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="search http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port. Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


async def _awaited(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await work


def _hosts(address: str, port: int) -> frozenset[str] | None:
    """Return the Host headers that are answered; None: any.

    A page of the internet whose name resolves to this machine must not read what is on it.
    """
    if address not in {"127.0.0.1", "localhost", "::1"}:
        return None
    names = ("127.0.0.1", "localhost", "[::1]")
    return frozenset([*names, *(f"{name}:{port}" for name in names)])


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "labmesh"
    sys_version = ""
    hosts: ClassVar[frozenset[str] | None] = None

    def answer(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
        """Say nothing: the node's log is no access log."""

    def do_GET(self) -> None:
        """Answer GET, and HEAD without a body."""
        self._serve(b"", "")

    do_HEAD = do_GET  # noqa: N815 - the base class' name

    def do_POST(self) -> None:
        """Answer a SPARQL query that is too long for an address."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self._say(HTTPStatus.LENGTH_REQUIRED, "text/plain", b"Content-Length is needed\n")
            return
        if not 0 <= length <= _BODY:
            self.close_connection = True
            words = f"a query has at most {_BODY} bytes\n".encode()
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", words)
            return
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        self._serve(self.rfile.read(length), kind)

    def _serve(self, body: bytes, kind: str) -> None:
        try:
            made = self._made(body, kind)
        except _RefusedError as error:
            self._say(error.status, "text/plain; charset=utf-8", f"{error}\n".encode())
        except LabmeshError as error:
            self._say(HTTPStatus.BAD_REQUEST, "text/plain; charset=utf-8", f"{error}\n".encode())
        except Exception as error:  # noqa: BLE001 - whatever it is, the asker must hear of it
            words = f"{type(error).__name__}: {error}\n".encode()
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", words)
        else:
            more = {"Labmesh-Offset": str(made.get("offset", ""))}
            if made.get("more"):
                more["Labmesh-Cut"] = "more rows follow; use LIMIT and OFFSET"
            media_type = f"{made['media_type']}; charset=utf-8"
            self._say(HTTPStatus.OK, media_type, made["text"].encode(), more)

    def _made(self, body: bytes, kind: str) -> dict[str, Any]:
        if self.hosts is not None and self.headers.get("Host", "").lower() not in self.hosts:
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "no such host here")
        url = urlsplit(self.path)
        fields = parse_qsl(url.query, keep_blank_values=True)
        match url.path:
            case "/":
                return self.answer("page", dict(fields))
            case "/results" | "/related":
                return self.answer(url.path[1:], _plain(fields))
            case "/status":
                return self.answer("status", {})
            case "/sparql":
                return self._sparql(fields, body, kind)
        raise _RefusedError(
            HTTPStatus.NOT_FOUND, "there are /, /sparql, /results, /related and /status"
        )

    def _sparql(self, fields: list[tuple[str, str]], body: bytes, kind: str) -> dict[str, Any]:
        """SPARQL 1.1 Protocol, section 2.1."""
        if body or kind:
            try:
                text = body.decode()
            except UnicodeDecodeError:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "the query is not UTF-8") from None
            if kind == "application/sparql-query":
                fields = [*fields, ("query", text)]
            elif kind == "application/x-www-form-urlencoded":
                fields = [*fields, *parse_qsl(text, keep_blank_values=True)]
            elif kind == "application/sparql-update":
                fields = [*fields, ("update", text)]
            else:
                raise _RefusedError(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                    "send application/sparql-query or application/x-www-form-urlencoded",
                )
        names = [name for name, _ in fields]
        if "update" in names:
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST, "updates are refused: the store is made from the ledger"
            )
        if "default-graph-uri" in names or "named-graph-uri" in names:
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST, "there is one graph here, which every query is about"
            )
        if names.count("query") != 1:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "exactly one query= is needed")
        query = next(value for name, value in fields if name == "query")
        tables = _chosen(self.headers.get("Accept", "*/*"), TABLES)
        graphs = _chosen(self.headers.get("Accept", "*/*"), GRAPHS)
        if tables is None and graphs is None:
            known = ", ".join([*TABLES.values(), *GRAPHS.values()])
            raise _RefusedError(HTTPStatus.NOT_ACCEPTABLE, f"answers are written as {known}")
        return self.answer("sparql", {"query": query, "tables": tables, "graphs": graphs})

    def _say(
        self, status: HTTPStatus, media_type: str, body: bytes, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Vary", "Accept")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
        )
        for name, value in (more or {}).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _plain(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """Return fields as a question has them: lists where it may have several."""
    plain: dict[str, Any] = {}
    for name, value in fields:
        if name in {"containing", "without", "at"}:
            plain.setdefault(name, []).append(value)
        elif name in {"after", "limit", "quality"}:
            plain[name] = int(value) if value.isdigit() else value
        elif name in {"simulated", "provenance"}:
            plain[name] = {"true": True, "1": True, "false": False, "0": False}.get(value, value)
        elif value:
            plain[name] = value
    return plain


def _chosen(accept: str, known: dict[str, str]) -> str | None:
    """Return the form of ``known`` that a client likes best; None: it takes none of them.

    RFC 9110, section 12.5.1; among equals the first.
    """
    best: tuple[float, int, str] | None = None
    ranges: list[tuple[str, float]] = []
    for part in accept.split(","):
        media, *options = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in options if each.startswith("q=")), "1")
        try:
            ranges.append((media, float(weight)))
        except ValueError:
            continue
    also = {"application/json": "json", "application/xml": "xml", "text/plain": "ntriples"}
    for index, (form, media_type) in enumerate(known.items()):
        for media, share in ranges:
            fits = media in {media_type, "*/*", f"{media_type.partition('/')[0]}/*"}
            if (fits or also.get(media) == form) and share > 0:
                # What is named outright counts before what a wildcard lets by.
                rank = (share + (0 if "*" in media else 1e-6), -index, form)
                best = rank if best is None or rank > best else best
    return best[2] if best else None


def as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Return a plain value as an answer."""
    return {
        "text": json.dumps(value, ensure_ascii=False),
        "media_type": "application/json",
        "offset": value.get("offset"),
    }
