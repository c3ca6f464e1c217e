"""Schema hashes of all message types and capabilities, as the golden file pins them.

``python -m tests.messages.golden`` writes the file anew: a deliberate act, because every node of
a lab must run the same schema.
"""

from __future__ import annotations

import json
from pathlib import Path

from messages import catalogue
from messages.capabilities import CAPABILITIES
from messages.model import TYPES
from messages.schema import schema_hash

FILE = Path(__file__).parent / "golden" / "schema_hashes.json"


def hashes() -> dict[str, str]:
    """Return the schema hash of every message type and of every capability's input and output."""
    catalogue.load()
    found = {
        name: schema_hash(model)
        for name, model in TYPES.items()
        if model.__module__.startswith("messages.")
    }
    for (quantity, method), types in CAPABILITIES.items():
        found[f"{quantity}/{method} input"] = schema_hash(types.input)
        found[f"{quantity}/{method} output"] = schema_hash(types.output)
    return dict(sorted(found.items()))


def read() -> dict[str, str]:
    """Return what the golden file says."""
    pinned: dict[str, str] = json.loads(FILE.read_text())
    return pinned


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(hashes(), indent=1) + "\n")
