"""What the entries of an .eln file say, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from messages.model import JsonObject
from nodes.eln._archive import METADATA, Archive, ElnFileError, identity
from nodes.eln._eln_graph import IDENTITY

_DEPTH: Final = 8
"""Most Datasets within one another that are looked into."""

_FILES: Final = frozenset({"File", "MediaObject"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of an entry.

    Attributes:
        member: Its path in the archive, below the root folder.
        name: What it is called.
        media_type: As the metadata say; empty where they do not.
        description: In words.
        sha256: That the metadata give, in lower case; empty for none.
    """

    member: str
    name: str
    media_type: str
    description: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry of an .eln file, whole, as its notebook wrote it.

    Attributes:
        id: Its ``@id``.
        said: Name, text, authors ...: the fields of `messages.eln.ElnEntry` that are words.
        variables: (name, value, unit).
        files: Its files.
        links: Addresses of files that are not in the archive.
        ours: The IRI of the sample or result of a ledger of Labmesh that it once was; else empty.
        node: Its node in the metadata.
    """

    id: str
    said: JsonObject
    variables: tuple[tuple[str, str, str], ...]
    files: tuple[FoundFile, ...]
    links: tuple[str, ...]
    ours: str
    node: JsonObject = field(repr=False)


def read_entries(archive: Archive) -> list[FoundEntry]:
    """Return the entries of an .eln file: each Dataset that its root has as a part.

    Files that are parts of the root itself make one more entry, the root.

    Raises:
        ElnFileError: The metadata name no root or no entry, or a file that is not there.
    """
    reader = _Reader(archive)
    root = reader.root()
    parts = [reader.node(each) for each in _many(root.get("hasPart"))]
    entries = [reader.entry(each, root) for each in parts if "Dataset" in _types(each)]
    if any(_FILES & _types(each) for each in parts) or not entries:
        alone = {**root, "hasPart": [p for p in parts if _FILES & _types(p)]}
        entries.append(reader.entry(alone, root))
    said = ("name", "text", "description", "variableMeasured")
    if len(entries) == 1 and not entries[0].files and not any(map(entries[0].node.get, said)):
        raise reader.bad("it has no entries")
    return entries


class _Reader:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._graph = archive.graph

    def bad(self, what: str) -> ElnFileError:
        return ElnFileError(what, where=str(self._archive.path), remedy="export it again")

    def root(self) -> JsonObject:
        about = self._graph.get(METADATA, {}).get("about")
        name = _id(about) or "./"
        root = self._graph.get(identity(name))
        if root is None:
            raise self.bad(f"its {METADATA} does not describe {name!r}")
        return root

    def node(self, value: Any) -> JsonObject:
        """Return what a reference stands for, or the node that stands in place of one."""
        if isinstance(value, str):
            return self._graph.get(identity(value), {"@id": value, "name": value})
        if not isinstance(value, Mapping):
            return {}
        found = self._graph.get(identity(_id(value))) if _id(value) else None
        return {**(found or {}), **value}

    def entry(self, node: JsonObject, root: JsonObject) -> FoundEntry:
        descriptor = self._graph.get(METADATA, {})
        files: dict[str, FoundFile] = {}
        links: list[str] = []
        self._collect(node, files, links, 0)
        variables = tuple(self._variables(node))
        url = node.get("url")
        said: JsonObject = {
            "name": self.words(node.get("name")) or _id(node),
            "identifier": self.words(node.get("identifier")),
            "url": self.words(url),
            "genre": self.words(node.get("genre")),
            "text": self.words(node.get("text")) or self.words(node.get("description")),
            "authors": [self._person(each) for each in _many(node.get("author"))],
            "created": self.words(node.get("dateCreated")) or self.words(root.get("dateCreated")),
            "modified": self.words(node.get("dateModified")),
            "keywords": list(self._keywords(node.get("keywords"))),
            "licence": self._licence(node.get("license")) or self._licence(root.get("license")),
            "notebook": self.words(self.node(descriptor.get("sdPublisher")).get("name")),
        }
        stated = [value for name, value, _ in variables if name == IDENTITY]
        ours: str = next(
            (each for each in (*stated, said["identifier"])
             if each.startswith(("urn:uuid:", "urn:labmesh:"))), "",
        )  # fmt: skip
        return FoundEntry(
            _id(node), said, variables, tuple(files.values()), tuple(links), ours, node
        )

    def words(self, value: Any) -> str:
        """Return a text, or the text of the node that stands for one."""
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return str(value)
        if isinstance(value, list):
            return ", ".join(filter(None, map(self.words, value)))
        if isinstance(value, Mapping):
            node = self.node(value)
            for key in ("text", "value", "@value", "name", "@id"):
                if isinstance(node.get(key), str | int | float):
                    return str(node[key])
        return ""

    def _collect(
        self, node: JsonObject, files: dict[str, FoundFile], links: list[str], depth: int
    ) -> None:
        if depth > _DEPTH:
            raise self.bad(f"its datasets are nested more than {_DEPTH} deep")
        for each in _many(node.get("hasPart")):
            part = self.node(each)
            name = _id(part)
            if _FILES & _types(part):
                if "://" in name:
                    links.append(name)
                elif identity(name) not in files:
                    files[identity(name)] = self._file(part, name)
            elif "Dataset" in _types(part) and identity(name) != identity(_id(node)):
                self._collect(part, files, links, depth + 1)

    def _file(self, node: JsonObject, name: str) -> FoundFile:
        members = self._archive.members
        member = next((m for m in (identity(name), unquote(identity(name))) if m in members), None)
        if member is None:
            raise self.bad(f"its metadata name the file {name!r}, which is not in it")
        size = node.get("contentSize")
        if isinstance(size, int) or (isinstance(size, str) and size.isdecimal()):
            there = members[member].file_size
            if int(size) != there:
                raise self.bad(f"{name!r} has {there} bytes, not {size} as its metadata say")
        return FoundFile(
            member, self.words(node.get("name")) or member.rsplit("/", 1)[-1],
            self.words(node.get("encodingFormat")), self.words(node.get("description")),
            self.words(node.get("sha256")).lower(),
        )  # fmt: skip

    def _person(self, value: Any) -> str:
        node = self.node(value)
        name = self.words(node.get("name")) or " ".join(
            filter(None, (self.words(node.get(k)) for k in ("givenName", "familyName")))
        )
        orcid = next((t for t in (_id(node), self.words(node.get("identifier")))
                      if "orcid.org/" in t), "")  # fmt: skip
        return f"{name} ({orcid})" if orcid and name else name or _id(node)

    def _licence(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        node = self.node(next(iter(_many(value)), None))
        return self.words(node.get("identifier")) or self.words(node.get("name")) or _id(node)

    def _keywords(self, value: Any) -> Iterator[str]:
        for each in _many(value):
            yield from filter(None, (word.strip() for word in self.words(each).split(",")))

    def _variables(self, node: JsonObject) -> Iterator[tuple[str, str, str]]:
        for each in _many(node.get("variableMeasured")):
            found = self.node(each)
            name = self.words(found.get("propertyID")) or self.words(found.get("name"))
            if name == "elabftw_metadata":
                yield from self._extra_fields(found.get("value"))
            elif name:
                unit = self.words(found.get("unitText")) or self.words(found.get("unitCode"))
                yield name, self.words(found.get("value")), unit

    def _extra_fields(self, value: Any) -> Iterator[tuple[str, str, str]]:
        """Yield the variables of eLabFTW, which it writes as JSON in a text."""
        try:
            fields = json.loads(value)["extra_fields"]
            for name, field in fields.items():
                yield str(name), self.words(field.get("value")), self.words(field.get("unit"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield "elabftw_metadata", self.words(value), ""


def _many(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _id(value: Any) -> str:
    name = value.get("@id") if isinstance(value, Mapping) else None
    return name if isinstance(name, str) else ""


def _types(node: JsonObject) -> set[str]:
    return {each for each in _many(node.get("@type")) if isinstance(each, str)}
