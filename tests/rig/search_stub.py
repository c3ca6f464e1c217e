"""Stands in for OpenSearch: keeps documents, and finds them by a quoted phrase alone.

Run by any Python: ``python search_stub.py PORT``. It knows nothing of queries, permissions, sorting
or aliases. What a search of the rig answers therefore shows that our client asks as InvenioRDM
wants to be asked and reads its answer; it does not show how a real index ranks or lags.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

DOCUMENTS: dict[tuple[str, str], Any] = {}
LOCK = threading.Lock()
INFO = {
    "name": "stub",
    "cluster_name": "stub",
    "version": {"number": "2.11.0", "distribution": "opensearch"},
}


def nothing(body: Any) -> Any:
    """Return empty answers to the aggregations that a query asks for."""
    asked = body.get("aggs") or body.get("aggregations") or {}
    empty = {"doc_count": 0, "buckets": [], "doc_count_error_upper_bound": 0}
    return {
        name: {**empty, "sum_other_doc_count": 0, **nothing(each)} for name, each in asked.items()
    }


def search(index: str, body: Any) -> Any:
    """Return documents of the indices that an alias may mean, which hold the phrase asked for."""
    words = json.dumps(body)
    phrase = re.search(r'identifier:\\+"([^"\\]+)\\+"', words)
    wanted = [name.rpartition("-")[2] for name in index.split(",")]
    hits = []
    for (where, key), document in DOCUMENTS.items():
        if not any(each in where for each in wanted):
            continue
        if phrase is None or phrase.group(1) not in json.dumps(document):
            continue
        hits.append(
            {"_index": where, "_id": key, "_score": 1.0, "_version": 1, "_source": document}
        )
    total = {"value": len(hits), "relation": "eq"}
    return {
        "took": 1, "timed_out": False, "_shards": {"total": 1, "successful": 1, "failed": 0},
        "hits": {"total": total, "max_score": 1.0, "hits": hits},
        "aggregations": nothing(body),
    }  # fmt: skip


def answer(method: str, path: str, body: bytes) -> Any:
    """Return the answer to any request."""
    words = path.strip("/").split("/")
    if path == "/":
        return INFO
    if "_search" in words:
        return search(words[0], json.loads(body or b"{}"))
    if "_bulk" in words:
        lines = [json.loads(line) for line in body.splitlines() if line]
        for action, document in zip(lines[::2], lines[1::2], strict=False):
            about = action.get("index") or action.get("create")
            if about:
                DOCUMENTS[about["_index"], str(about["_id"])] = document
        return {"took": 1, "errors": False, "items": []}
    if len(words) >= 3 and words[1] in ("_doc", "_create"):
        key = (words[0], words[2])
        if method in ("PUT", "POST"):
            DOCUMENTS[key] = json.loads(body)
        elif method == "DELETE":
            DOCUMENTS.pop(key, None)
        return {"_index": key[0], "_id": key[1], "_version": 1, "result": "updated", "found": True,
                "_shards": {"total": 1, "successful": 1, "failed": 0}}  # fmt: skip
    if "_count" in words:
        return {"count": 0}
    return {"acknowledged": True, "count": 0, "hits": {"total": {"value": 0}, "hits": []}}


class Handler(BaseHTTPRequestHandler):
    """Answers everything with 200."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with LOCK:
            content = json.dumps(answer(self.command, urlsplit(self.path).path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
