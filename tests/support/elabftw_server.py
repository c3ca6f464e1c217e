"""An eLabFTW as far as the ELN node speaks with it: listing, searching and importing entries.

It is a stub of the API's paths and answers, no eLabFTW. An import reads the .eln file as eLabFTW's
importer does: parts of the root that are Datasets, their direct files, whose sha256 it compares.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from email import message_from_bytes, policy
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

KEY: Final = "3-tester-5f1c"

Entry = dict[str, Any]


class ElabFtwServer:
    """A server on a free port of this machine; a context manager.

    Attributes:
        entries: Those that were imported: ``items`` (resources) and ``experiments``.
        imports: How many files were imported.
        broken: Whether it answers imports with an error.
    """

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {"items": [], "experiments": []}
        self.imports = 0
        self.broken = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ElabFtwServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def search(self, kind: str, words: str) -> list[Entry]:
        """Return the entries whose title or text has the words."""
        return [
            {"id": each["id"], "title": each["title"]}
            for each in self.entries[kind]
            if words in each["title"] or words in each["body"]
        ]

    def take(self, content: bytes) -> None:
        """Import an .eln file."""
        self.imports += 1
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            root = archive.namelist()[0].split("/")[0]
            graph = {
                node["@id"]: node
                for node in json.loads(archive.read(f"{root}/ro-crate-metadata.json"))["@graph"]
            }
            for part in graph["./"]["hasPart"]:
                node = graph[part["@id"]]
                if node["@type"] == "Dataset":
                    self._add(node, graph, archive, root)

    def _add(
        self, node: Entry, graph: dict[str, Entry], archive: zipfile.ZipFile, root: str
    ) -> None:
        kind = "experiments" if node["genre"] in {"experiment", "experiments"} else "items"
        files, fields = {}, {}
        for part in node.get("hasPart", ()):
            file = graph[part["@id"]]
            content = archive.read(f"{root}/{file['@id'].removeprefix('./')}")
            assert sha256(content).hexdigest() == file["sha256"]
            files[file["name"]] = content
        if int(graph["./"].get("version", -1)) >= 103:
            for part in node["variableMeasured"]:
                if graph[part["@id"]]["propertyID"] == "elabftw_metadata":
                    fields = json.loads(graph[part["@id"]]["value"])["extra_fields"]
        self.entries[kind].append(
            {
                "id": len(self.entries[kind]) + 1, "title": node["name"], "files": files,
                "body": node.get("text", "") + node.get("description", ""), "fields": fields,
                "tags": node["keywords"].split(","), "license": node["license"]["@id"],
                "links": [each["@id"] for each in node.get("mentions", ())],
            }
        )  # fmt: skip


def _handler(server: ElabFtwServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            kind = where.path.removeprefix("/api/v2/")
            if self._allowed() and kind in server.entries:
                self._answer(200, server.search(kind, parse_qs(where.query)["q"][0]))

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._allowed():
                return
            if self.path != "/api/v2/import" or server.broken:
                self._answer(500, {"code": 500, "message": "Internal server error"})
                return
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = message_from_bytes(head + content, policy=policy.HTTP)
            (file,) = [each for each in parts.iter_parts() if each.get_filename()]
            assert str(file.get_filename()).endswith(".eln")
            server.take(bytes(file.get_payload(decode=True)))
            self._answer(201, None)

        def _allowed(self) -> bool:
            if self.headers["Authorization"] == KEY:
                return True
            self._answer(401, {"code": 401, "message": "No corresponding API key found!"})
            return False

        def _answer(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode() if value is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
