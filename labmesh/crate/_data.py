"""The files of results: ``data/{result}/{name}``, and a CSV beside every Parquet table."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labmesh.crate._csv import table_schema, write_csv
from labmesh.crate._folder import Workplace
from labmesh.crate._hashes import read_hashes
from labmesh.crate._selection import Selection
from labmesh.crate._types import DATA
from labmesh.record import JournalEntry, Record
from messages.model import JsonObject

PARQUET: Final = "application/vnd.apache.parquet"
CSVW: Final = "application/csvm+json"
GZIP: Final = "application/gzip"

_NAME: Final = re.compile(r"[^\w.+=@-]", re.ASCII)
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a result.

    Attributes:
        path: Below the crate's folder.
        name: As its author calls it.
        media_type: Its format.
        result: The result.
        made_from: The file it was made from, if the crate made it.
        conforms_to: IRI of what its content follows, or empty.
    """

    path: str
    name: str
    media_type: str
    result: str
    made_from: str = ""
    conforms_to: str = ""


class DataFolder:
    """Writes the files of results into the crate.

    Attributes:
        files: Those there are.
        missing: sha256 of those that could not be had, and the names of their results.
    """

    def __init__(self, record: Record, place: Workplace, chosen: Selection) -> None:
        self._record = record
        self._place = place
        self._chosen = chosen
        self.files: list[DataFile] = []
        self.missing: dict[str, str] = {}
        self._listed = read_hashes(place.target)

    async def take(self, entry: JournalEntry) -> list[JsonObject]:
        """Write the files of a result; return its artifacts as the tables have them."""
        items, taken = [], set[str]()
        for ref in (entry.body or {}).get("artifacts", ()):
            item: JsonObject = {
                **{name: ref[name] for name in ("name", "sha256", "media_type", "size")},
                "path": None, "csv": None,
            }  # fmt: skip
            items.append(item)
            if self._chosen.access.of_artifact(ref["sha256"]).confidential:
                item["missing"] = "confidential"
                continue
            path = f"{DATA}/{entry.uuid}/{_free(ref['name'], ref['sha256'], taken)}"
            if not await self._fetch(ref["sha256"], path):
                item["missing"] = "it could not be had"
                self.missing[ref["sha256"]] = str(entry.uuid)
                continue
            item["path"] = path
            found = DataFile(path, ref["name"], ref["media_type"], str(entry.uuid))
            self.files.append(found)
        for item in items:
            if item["path"] and item["media_type"] == PARQUET:
                item["csv"] = await asyncio.to_thread(self._table, item, items, str(entry.uuid))
        return items

    async def _fetch(self, sha256: str, path: str) -> bool:
        if await asyncio.to_thread(self._place.kept, path, sha256):
            return True
        source = await self._record.artifact(sha256)
        if source is None:
            return False
        await asyncio.to_thread(_copy, source, self._place.file(path))
        return True

    def _table(self, item: JsonObject, items: list[JsonObject], result: str) -> str | None:
        """Write a table as CSV with its CSVW metadata; None where it is no table after all."""
        source, name = self._place.part / item["path"], f"{item['path']}.csv.gz"
        metadata = f"{name}-metadata.json"
        schema = self._schema(source, item, items)
        if schema is None or not self._csv(source, name, item):
            return None
        schema["url"] = Path(name).name
        text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False)
        self._place.write(metadata, f"{text}\n")
        follows = str(schema.get("dc:conformsTo") or "")
        at = next(n for n, each in enumerate(self.files) if each.path == item["path"])
        self.files[at] = DataFile(item["path"], item["name"], PARQUET, result, conforms_to=follows)
        self.files += [
            DataFile(name, Path(name).name, GZIP, result, item["path"], follows),
            DataFile(metadata, Path(metadata).name, CSVW, result, item["path"]),
        ]
        return name

    def _csv(self, source: Path, name: str, item: JsonObject) -> bool:
        listed = self._listed.get(name)
        same = self._listed.get(item["path"]) == item["sha256"]  # made from the very same table
        if listed and same and self._place.kept(name, listed):
            return True
        return write_csv(source, self._place.file(name))

    def _schema(self, source: Path, item: JsonObject, items: list[JsonObject]) -> JsonObject | None:
        beside = next((i for i in items if i["name"] == f"{item['name']}-metadata.json"), None)
        if beside is None or not beside["path"]:
            return table_schema(source, None)
        return table_schema(source, self._place.part / beside["path"])


def _free(name: str, sha256: str, taken: set[str]) -> str:
    """Return a harmless name that no other file of the result has."""
    plain = _NAME.sub("_", Path(name.replace("\\", "/")).name).strip("._")[-_LONGEST:]
    found = plain or sha256[:16]
    if found.lower() in taken:
        found = f"{sha256[:8]}-{found}"
    taken.add(found.lower())
    return found


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(1 << 20):
            writer.write(block)
