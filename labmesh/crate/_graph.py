"""``metadata.jsonld``: everything the crate's entries say, as linked data."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from labmesh.crate._tables import line
from labmesh.record import JournalEntry
from messages.errors import LabmeshError
from messages.model import JsonObject

_BLOCK: Final = 1 << 20


class GraphFile:
    """Writes the graph, a node a line.

    Attributes:
        types: Labels of the classes that occur in what the campaign says, for keywords.
        all_types: Those of all that is in the file.
    """

    def __init__(self, path: Path) -> None:
        from labmesh.semantics import Describer  # noqa: PLC0415

        self._describer = Describer()
        self._path = path
        self._nodes = path.with_name(f".{path.name}.nodes")
        self._file: IO[str] = self._nodes.open("w", encoding="utf-8", newline="\n")
        self._context: JsonObject = {}
        self._count = 0
        self._said: set[bytes] = set()
        self.types: set[str] = set()
        self.all_types: set[str] = set()

    def take(self, entry: JournalEntry, *, own: bool) -> None:
        """Take the next entry whose body goes along; ``own`` says whether it is the campaign's."""
        document = self._describer.document(entry)
        self._merge(document.get("@context"), entry)
        for node in document.get("@graph", ()):
            types = node.get("@type") or ()
            named = {types} if isinstance(types, str) else set(types)
            self.all_types |= named
            if own:
                self.types |= named
            text = line(node)
            # Sites and nodes are told of in every entry.
            if (told := sha256(text.encode()).digest()[:16]) in self._said:
                continue
            self._said.add(told)
            self._file.write(f"{',' if self._count else ''}\n{text}")
            self._count += 1

    def release(self) -> None:
        """Let go of the file, whole or not."""
        self._file.close()

    def close(self) -> None:
        """Write the file."""
        self._file.close()
        with self._path.open("w", encoding="utf-8", newline="\n") as target:
            target.write(f'{{"@context":{line(self._context)},"@graph":[')
            with self._nodes.open(encoding="utf-8") as source:
                while block := source.read(_BLOCK):
                    target.write(block)
            target.write("\n]}\n")
        self._nodes.unlink()

    def _merge(self, context: Any, entry: JournalEntry) -> None:
        for part in context if isinstance(context, list) else [context]:
            for key, value in (part or {}).items():
                if self._context.setdefault(key, value) != value:
                    raise LabmeshError(
                        f"{key} means two things in the graph of entry {entry.offset}",
                        remedy="this is a mistake in labmesh.semantics: report it",
                    )
