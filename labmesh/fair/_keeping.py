"""Requirements 10, 11, 25, 26 and 27: by itself, together, plausible, kept, recovered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any, Final

import jsonschema_rs

from labmesh.fair._case import body_of, key_of, name_of
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import Found, requirement
from labmesh.record import JournalEntry
from messages.access import RETENTION_YEARS
from messages.model import JsonObject

_FIELDS: Final = ("name", "description", "license", "datePublished", "version", "keywords")
"""What RO-Crate and DataCite ask of a data set, and nobody has to type."""


@requirement(10)
def by_itself(exhibit: Exhibit) -> Found:
    """The crate is complete without a person's word; what a person says comes on top."""
    root = exhibit.root
    given = exhibit.description.model_fields_set - {"labmesh_crate"}
    found = Found(evidence={"fields": len(root), "said by a person": len(given)})
    found.faults += [f"the crate has no {name}" for name in _FIELDS if not root.get(name)]
    found.faults += [str(each) for each in exhibit.findings]
    if not root.get("creator"):
        found.remains = "authors, whom no record knows: a description names them (docs/crate.md)"
    return found


@requirement(11)
def together(exhibit: Exhibit) -> Found:
    """Metadata, graph and every file are in one crate, and each file is described."""
    summary = exhibit.summary
    missing = summary.missing if summary is not None else ()
    names = {each.path for each in summary.files} if summary is not None else set()
    found = Found(evidence={"files": len(names), "missing": len(missing)})
    found.faults += [
        f"{name} is not in the crate"
        for name in ("ro-crate-metadata.json", "metadata.jsonld")
        if not (exhibit.folder / name).exists()
    ]
    found.faults += [f"file {each[:12]} could not be had" for each in missing]
    found.faults += [
        f"{path} is not described"
        for path in names
        if path.startswith("data/") and path not in exhibit.entities
    ]
    return found


@requirement(25)
def plausible(exhibit: Exhibit) -> Found:
    """Data satisfy their schemas and the shapes; spoiled data would not."""
    found = Found(evidence={"results checked": 0, "spoiled ones refused": 0})
    for entry, part, value, schema in _checked(exhibit):
        found.evidence["results checked"] += part == "data"
        error = next(iter(schema.iter_errors(value)), None)
        if error is not None:
            path = ".".join(map(str, error.instance_path))
            found.faults.append(f"{name_of(entry)}: {part}.{path}: {error.message[:200]}")
        spoiled = _spoiled(value)
        if spoiled is not None and part == "data":
            if schema.is_valid(spoiled):
                found.faults.append(f"{'/'.join(key_of(entry))} would take words for a number")
            else:
                found.evidence["spoiled ones refused"] += 1
    found.faults += [f"{each.node}: {each.message}" for each in exhibit.violations]
    found.faults = list(dict.fromkeys(found.faults))
    return found


def _checked(exhibit: Exhibit) -> Iterator[tuple[JournalEntry, str, Any, Any]]:
    compiled: dict[tuple[str, str, str], Any] = {}
    for entry in exhibit.case.everything:
        key, body = key_of(entry), body_of(entry)
        schemas = exhibit.case.capabilities.get(key)
        if schemas is None:
            continue
        parts = [("parameters", "parameters_schema")]
        if body.get("outcome") == "resolved":
            parts.append(("data", "result_schema"))
        for part, name in parts:
            if (*key, name) not in compiled:
                compiled[*key, name] = jsonschema_rs.validator_for(schemas[name])
            yield entry, part, _texts(body.get(part)), compiled[*key, name]


def _texts(value: Any) -> Any:
    """Return plain data with bytes as text, as schemas describe them."""
    if isinstance(value, bytes):
        return ""
    if isinstance(value, dict):
        return {name: _texts(each) for name, each in value.items()}
    return [_texts(each) for each in value] if isinstance(value, list | tuple) else value


def _spoiled(value: Any) -> JsonObject | None:
    """Return a copy whose first quantity has words for its value; None where there is none."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("value"), int | float) and "unit" in value:
        return {**value, "value": "much"}
    for name, each in value.items():
        spoiled = _spoiled(each)
        if spoiled is not None:
            return {**value, name: spoiled}
    return None


@requirement(26)
def retained(exhibit: Exhibit) -> Found:
    """The crate is kept for ten years at least; the ledger's own database refuses to delete."""
    root, found = exhibit.root, Found(evidence={"years": 0, "deletions refused": 0})
    until = str(root.get("retain_until") or root.get("expires") or "")
    try:
        years = date.fromisoformat(until).year - date.fromisoformat(str(root["datePublished"])).year
    except (ValueError, KeyError):
        years = 0
    found.evidence["years"] = years
    if years < RETENTION_YEARS:
        found.faults.append(f"it is kept for {years} years, and {RETENTION_YEARS} are required")
    if exhibit.copy is None:
        found.remains = exhibit.broken
        return found
    with closing(sqlite3.connect(exhibit.copy)) as database:
        for statement in ("DELETE FROM journal", "UPDATE journal SET author = 'nobody/else'"):
            try:
                database.execute(statement)
            except sqlite3.DatabaseError:
                found.evidence["deletions refused"] += 1
            else:
                found.faults.append(f"the ledger allows {statement.split()[0]}")
        database.rollback()
    found.remains = "that the files are still there in ten years"
    return found


@requirement(27)
def recovered(exhibit: Exhibit) -> Found:
    """The ledger written out and read in again elsewhere has the same head."""
    found = Found(evidence={"entries": 0})
    if exhibit.heads is None:
        found.undecided = exhibit.broken or "the ledger was not copied"
        return found
    ours, theirs = exhibit.heads
    found.evidence["entries"] = ours[0] + 1
    if ours != theirs:
        found.faults.append(f"restored, its head is {theirs[0]}, and not {ours[0]}")
    found.remains = "TLS, accounts and rights to write: labmesh site check"
    return found
