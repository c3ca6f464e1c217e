"""A simulator of the FINALES 2 server: its REST protocol over real HTTP, its store in memory.

It answers the routes that a requester and a tenant use as FINALES2 1.1.0 does
(BIG-MAP/FINALES2, `server/endpoints.py`): the same paths, statuses, error bodies. It is no measure
of that server's speed.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jsonschema_rs

TOKEN: Final = "simulated-token"  # noqa: S105 - of a simulator
_CTIME: Final = "2024-05-08T12:00:00"


@dataclass
class FinalesSimulator:
    """The server's content; ``with`` runs it on a free port.

    Attributes:
        capabilities: As ``GET /capabilities/`` lists them.
        tenants: As ``GET /tenants/`` lists them.
        requests: By uuid, as ``GET /requests/{id}`` shows them.
        results: By uuid, likewise.
        faults: Every so many posted requests one is answered 500, after it was stored; 0 for none.
    """

    capabilities: list[dict[str, Any]]
    tenants: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: int = 0
    user: str = "bench"
    password: str = "secret"  # noqa: S105 - of a simulator

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.simulator = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, verb: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Return status and content of the answer to a request with a token."""
        with self._lock:
            match verb, *path.strip("/").split("/"):
                case "GET", "":
                    return 200, "Hello! This is FINALES2."
                case "GET", "capabilities":
                    return 200, self.capabilities
                case "GET", "tenants":
                    return 200, self.tenants
                case "POST", "requests":
                    return self._post_request(body)
                case "GET", "pending_requests":
                    return 200, [each for each in self.requests.values() if _pending(each, query)]
                case "POST", "requests", _, "update_status":
                    return self._set(self.requests, query["request_id"], query)
                case "POST", "results", _, "update_status":
                    return self._set(self.results, query["result_id"], query)
                case "POST", "results":
                    return self._post_result(body)
                case "GET", "results_requested", request:
                    found = self.results.values()
                    return 200, next(
                        (each for each in found if each["result"]["request_uuid"] == request), None
                    )
        return 404, {"detail": "Not Found"}

    def add_request(self, body: dict[str, Any]) -> str:
        """Store a request; return its uuid."""
        uuid = str(uuid4())
        self.requests[uuid] = {"uuid": uuid, "ctime": _CTIME, "status": "pending", "request": body}
        return uuid

    def _post_request(self, body: Any) -> tuple[int, Any]:
        for method in body["methods"]:
            wanted = (body["quantity"], method)
            known = [
                each for each in self.capabilities if (each["quantity"], each["method"]) == wanted
            ]
            if not known:
                return 400, {"detail": f"No records for this method: {method}"}
            schema = known[0]["json_schema_specifications"]
            if not jsonschema_rs.is_valid(schema, body["parameters"][method]):
                return 500, "Internal Server Error"
        uuid = self.add_request(body)
        if self.faults and len(self.requests) % self.faults == 0:
            return 500, "Internal Server Error"
        return 200, uuid

    def _post_result(self, body: Any) -> tuple[int, Any]:
        request = self.requests.get(body["request_uuid"])
        if request is None:
            return 400, {"detail": "Submitted result has no request"}
        uuid = str(uuid4())
        self.results[uuid] = {"uuid": uuid, "ctime": _CTIME, "status": "original", "result": body}
        request["status"] = "resolved"
        return 200, uuid

    @staticmethod
    def _set(
        things: dict[str, dict[str, Any]], uuid: str, query: dict[str, str]
    ) -> tuple[int, Any]:
        if uuid not in things:
            return 400, {"detail": f"No request with id: {uuid}"}
        things[uuid]["status"] = query["new_status"]
        return 200, f"Successful change of status to {query['new_status']}"


def _pending(each: dict[str, Any], query: dict[str, str]) -> bool:
    request = each["request"]
    return (
        each["status"] == "pending"
        and query.get("quantity", request["quantity"]) == request["quantity"]
        and query.get("method", request["methods"][0]) in request["methods"]
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what is on stderr belongs to the test."""

    def _serve(self, body: bytes | None) -> None:
        simulator: FinalesSimulator = self.server.simulator  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        if parts.path.rstrip("/") == "/user_management/authenticate" and body is not None:
            self._say(*_log_in(simulator, body))
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(401, {"detail": "Could not validate credentials"})
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            content = json.loads(body) if body else None
            self._say(*simulator.answer(self.command, parts.path, query, content))

    def _say(self, status: int, content: Any) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _log_in(simulator: FinalesSimulator, body: bytes) -> tuple[int, Any]:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if form["username"] != simulator.user:
        return 404, {"detail": "No user with this username was found."}
    if form["password"] != simulator.password:
        return 401, {"detail": "Authentication failed. Wrong username or password."}
    return 200, {"access_token": TOKEN, "token_type": "bearer"}
