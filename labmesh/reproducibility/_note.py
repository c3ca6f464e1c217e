"""The note itself, and the hash over a result's metadata."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from uuid import UUID

from labmesh.reproducibility._code import code_of
from labmesh.reproducibility._hardware import hardware, operator
from messages.envelope import pack, unpack
from messages.ledger import Result
from messages.model import JsonObject
from messages.reproducibility import REPRODUCIBILITY, Recipe, Reproducibility

_HASHED: Final = {"quantity", "method", "request", "parameters", "outcome", "provenance",
                  "campaign", "artifacts"}  # fmt: skip
"""The metadata of a result: all that says how its data came about. ``data`` and ``rating`` are what
came of it, and the ledger's own chain holds their hashes."""

_HASH: Final = "metadata_sha256"


def note_of(
    module: str,
    recipe: Recipe | None = None,
    *packages: str,
    requester: str | None = None,
    request: UUID | None = None,
    made: int | None = None,
) -> JsonObject:
    """Return the note `REPRODUCIBILITY` as a plain map, its hash still missing.

    Args:
        module: Dotted name of a module of the code that computed.
        recipe: What the model says of itself.
        packages: More packages whose versions decide.
        requester: Who asked, ``site/node``.
        request: What it answers.
        made: When, ns, by the clock of who made it.
    """
    told = Reproducibility(
        **(recipe or Recipe()).model_dump(),
        code=code_of(module, *packages),
        hardware=hardware(),
        operator=operator(),
        requester=requester,
        request=request,
        made=made,
    )
    return told.model_dump(mode="json", exclude={_HASH})


def reproducible(
    result: Result, module: str, recipe: Recipe, *packages: str, made: int | None = None
) -> Result:
    """Return a result that nobody asked for with the note and its hash; see `note_of`."""
    return sealed(result, note_of(module, recipe, *packages, request=result.request, made=made))


def sealed(result: Result, note: JsonObject) -> Result:
    """Return a result with a note as its `REPRODUCIBILITY`, completed by the metadata's hash."""
    told = _with(result, {key: value for key, value in note.items() if key != _HASH})
    return _with(told, {**note, _HASH: metadata_sha256(told)})


def metadata_sha256(result: Result) -> str:
    """Return the sha256 of a result's canonical metadata.

    That is the JSON of quantity, method, request, parameters, outcome, provenance, campaign and
    artifacts, keys sorted at every level, no spaces, UTF-8, bytes in hex; without the hash itself.
    """
    plain = unpack(pack(result.model_dump(include=_HASHED)))
    plain["provenance"]["notes"] = {
        key: {k: v for k, v in value.items() if k != _HASH}
        if key == REPRODUCIBILITY and isinstance(value, dict)
        else value
        for key, value in plain["provenance"]["notes"].items()
    }
    words = json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    )
    return hashlib.sha256(words.encode()).hexdigest()


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _with(result: Result, note: JsonObject) -> Result:
    notes = {**result.provenance.notes, REPRODUCIBILITY: note}
    provenance = result.provenance.model_copy(update={"notes": notes})
    return result.model_copy(update={"provenance": provenance})
