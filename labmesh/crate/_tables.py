"""The crate's tables in JSON: one list a file, one object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, Final

from labmesh.crate._outcomes import Outcomes
from labmesh.crate._plain import plain, when
from labmesh.crate._types import CAPABILITIES, REQUESTS, RESULTS, SAMPLES
from labmesh.record import JournalEntry
from messages.ledger import EntryKind
from messages.model import JsonObject

_REQUEST: Final = ("quantity", "method", "campaign", "parent", "from_state", "priority")
_RESULT: Final = ("request", "quantity", "method", "campaign", "outcome")


def request_item(entry: JournalEntry, outcomes: Outcomes, until: int) -> JsonObject:
    """Return a request as ``requests.json`` has it."""
    body, uuid = entry.body or {}, str(entry.uuid)
    return {
        "id": uuid,
        "offset": entry.offset,
        "author": entry.author,
        "stamp": when(entry.stamp),
        **{name: plain(body.get(name)) for name in _REQUEST},
        "parameters": plain(body.get("parameters", {})),
        "status": outcomes.status(uuid, until),
        "results": outcomes.results(uuid, until),
        "log": outcomes.log(uuid, until),
    }


def result_item(
    entry: JournalEntry, outcomes: Outcomes, until: int, artifacts: list[JsonObject]
) -> JsonObject:
    """Return a result as ``results.json`` has it."""
    body = entry.body or {}
    provenance = body.get("provenance") or {}
    return {
        "id": str(entry.uuid),
        "offset": entry.offset,
        "author": entry.author,
        "stamp": when(entry.stamp),
        **{name: plain(body.get(name)) for name in _RESULT},
        "status": outcomes.result_status(str(entry.uuid), until),
        "begun": when(provenance.get("begun")),
        "ended": when(provenance.get("ended")),
        "simulated": bool(provenance.get("simulated")),
        "parameters": plain(body.get("parameters", {})),
        "data": plain(body.get("data", {})),
        "failure": plain(body.get("failure")),
        "rating": plain(body.get("rating")),
        "provenance": plain(provenance),
        "samples": plain(body.get("samples", [])),
        "artifacts": artifacts,
    }


def capability_item(entry: JournalEntry) -> JsonObject:
    """Return a capability as ``capabilities.json`` has it."""
    return {"offset": entry.offset, "author": entry.author, **plain(entry.body or {})}


class Samples:
    """Gathers ``samples.json``: every sample with its line of states."""

    def __init__(self) -> None:
        self._found: dict[str, JsonObject] = {}

    def take(self, entry: JournalEntry) -> None:
        """Take a state of a sample."""
        body = entry.body or {}
        sample = self._found.setdefault(
            str(body["sample"]),
            {"id": body["sample"], "kind": body["kind"], "parents": [], "states": []},
        )
        if body.get("parents"):
            sample["parents"] = list(body["parents"])
        state = {name: plain(body.get(name)) for name in ("state", "label", "location")}
        sample["states"].append(
            {
                **state, "at": when(body.get("at")), "result": plain(body.get("result")),
                "request": plain(body.get("request")), "offset": entry.offset,
                "properties": plain(body.get("properties", {})),
            }
        )  # fmt: skip

    def items(self) -> list[JsonObject]:
        """Return the samples, the first born first."""
        return list(self._found.values())


class Listing:
    """Writes a list as JSON, one item a line, as they come."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
        self._file.write("[")
        self._count = 0

    def add(self, item: Any) -> None:
        """Add an item."""
        self._file.write(",\n" if self._count else "\n")
        self._file.write(line(item))
        self._count += 1

    def release(self) -> None:
        """Let go of the file, whole or not."""
        self._file.close()

    def close(self) -> None:
        """End the list."""
        self._file.write("\n]\n")
        self._file.close()


def line(item: Any) -> str:
    """Return an item as one line of JSON with its keys sorted."""
    return json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class Tables:
    """Writes the four tables."""

    def __init__(self, folder: Path, outcomes: Outcomes, until: int) -> None:
        self._outcomes = outcomes
        self._until = until
        self._requests = Listing(folder / REQUESTS)
        self._results = Listing(folder / RESULTS)
        self._capabilities = Listing(folder / CAPABILITIES)
        self._samples = Samples()
        self._folder = folder

    def take(self, entry: JournalEntry, artifacts: list[JsonObject]) -> None:
        """Take the next entry whose body goes along."""
        match entry.kind:
            case EntryKind.REQUEST:
                self._requests.add(request_item(entry, self._outcomes, self._until))
            case EntryKind.RESULT:
                self._results.add(result_item(entry, self._outcomes, self._until, artifacts))
            case EntryKind.CAPABILITY:
                self._capabilities.add(capability_item(entry))
            case EntryKind.SAMPLE:
                self._samples.take(entry)
            case _:
                pass

    def release(self) -> None:
        """Let go of the files, whole or not."""
        for each in (self._requests, self._results, self._capabilities):
            each.release()

    def close(self) -> None:
        """Write what is left."""
        samples = Listing(self._folder / SAMPLES)
        for item in self._samples.items():
            samples.add(item)
        for each in (self._requests, self._results, self._capabilities, samples):
            each.close()
