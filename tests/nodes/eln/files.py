"""Files as strangers write them, good and bad."""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tests.support.roc_validator import ROOT

SHARED: Final = ROOT.parent / "shared" / "data" / "ontology" / "eln"
"""Examples of Kadi4Mat, OpenSemanticLab and BenchLineage."""

METADATA: Final = "ro-crate-metadata.json"


def graph(*nodes: dict[str, Any], parts: tuple[str, ...] = ("./one/",)) -> bytes:
    """Return the metadata of a file with some nodes."""
    return json.dumps(
        {
            "@context": "https://w3id.org/ro/crate/1.1/context",
            "@graph": [
                {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
                {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": each} for each in parts]},
                *nodes,
            ],
        }
    ).encode()


def entry(**said: Any) -> dict[str, Any]:
    """Return an entry as eLabFTW writes one."""
    return {"@id": "./one/", "@type": "Dataset", "name": "One", "genre": "experiment", **said}


def file_node(name: str, content: bytes, **said: Any) -> dict[str, Any]:
    """Return the node of a file."""
    node = {"@id": name, "@type": "File", "sha256": sha256(content).hexdigest()}
    return {**node, "contentSize": str(len(content)), **said}


def written(path: Path, metadata: bytes | None, members: dict[str, bytes] | None = None) -> Path:
    """Write an .eln file with one folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if metadata is not None:
            archive.writestr(f"root/{METADATA}", metadata)
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return path
