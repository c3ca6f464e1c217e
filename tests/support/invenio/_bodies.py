"""The recorded exchanges, and bodies made after them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

EXCHANGES: Final = (
    Path(__file__).resolve().parents[3].parent
    / "shared" / "data" / "ontology" / "invenio" / "invenio_rdm_14.0.5_exchanges.json"
)  # fmt: skip
"""Requests and answers of InvenioRDM 14.0.5, recorded 2026-11-21; see its PROVENANCE.md."""

HOST: Final = "https://archive.example.org"
"""In the recorded links, which bear another base path than the server's own: as in reality."""

_RECORD, _PARENT = "rc78z-kct70", "8j317-qfy07"
"""Ids in the exchanges that bodies are made after."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as recorded."""

    step: str
    method: str
    path: str
    accept: str
    request: Any
    status: int
    content_type: str
    location: str | None
    response: Any


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Return all of them, in their order."""
    assert EXCHANGES.is_file(), (
        f"{EXCHANGES} is missing: the folder shared/ belongs beside the repo"
    )
    recorded = json.loads(EXCHANGES.read_text(encoding="utf-8"))["exchanges"]
    return tuple(
        Exchange(
            each["step"], each["method"], each["path"], each["accept"], each["request"],
            each["status"], each["response_content_type"], each["location"], each["response"],
        )
        for each in recorded
    )  # fmt: skip


@cache
def _words(step: str) -> str:
    (found,) = [each.response for each in exchanges() if each.step == step]
    return json.dumps(found)


def like(step: str, **ids: str) -> Any:
    """Return a copy of a recorded answer with other ids: ``record``, ``parent``."""
    words = _words(step)
    for old, name in ((_RECORD, "record"), (_PARENT, "parent")):
        if name in ids:
            words = words.replace(old, ids[name])
    return json.loads(words)


def file_links(record: str, key: str, *, draft: bool) -> dict[str, str]:
    """Return the links of a file."""
    base = f"{HOST}/api/records/{record}{'/draft' if draft else ''}/files/{key}"
    links = {"self": base, "content": f"{base}/content"}
    return {**links, "commit": f"{base}/commit"} if draft else links


def failure(status: int, message: str, errors: list[Any] | None = None) -> Any:
    """Return the body of a refusal."""
    return {"status": status, "message": message, **({"errors": errors} if errors else {})}
