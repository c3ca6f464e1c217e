"""Formats of the crate's own files, and which formats anybody can read."""

from __future__ import annotations

from typing import Final

from labmesh.crate import _types as names
from labmesh.crate._segments import ADDED

GZIP: Final = "application/gzip"
JSON: Final = "application/json"
LEDGER: Final = "urn:labmesh:format:labmesh.ledger.1"

OWN: Final = {
    names.README: ("text/markdown", "How to read this crate"),
    names.GRAPH: ("application/ld+json", "Everything it says, as linked data"),
    names.TERMS: ("text/turtle", "What the terms of the linked data mean"),
    names.DATABASE: ("application/vnd.sqlite3", "Everything it says, as flat tables"),
    names.REQUESTS: (JSON, "What was asked for"),
    names.RESULTS: (JSON, "What came of it, with parameters, data and provenance"),
    names.CAPABILITIES: (JSON, "What could be asked for: schemas with units and terms"),
    names.SAMPLES: (JSON, "Samples and the line of their states"),
    names.HASHES: ("text/plain", "sha256 of every other file: sha256sum -c hashes.sha256"),
    ADDED: (GZIP, "Bodies of entries that came to matter when their segment was full"),
}
"""Format and purpose of each file of the crate itself; the rest are segments and data."""

_OPEN: Final = (
    "text/", "image/png", "image/jpeg", "image/svg+xml", "image/tiff", JSON, "application/ld+json",
    "application/csvm+json", "application/vnd.apache.parquet", GZIP, "application/zip",
    "application/xml", "application/pdf", "application/x-hdf5", "application/x-hdf",
    "application/vnd.sqlite3", "application/x-ndjson", "application/yaml", "chemical/",
)  # fmt: skip


def is_open(media_type: str) -> bool:
    """Tell whether a format is an open one, which needs no vendor's software."""
    return media_type.startswith(_OPEN)
