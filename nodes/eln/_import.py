"""Telling a ledger what an .eln file of somebody else holds."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, Protocol
from uuid import UUID, uuid5

import msgpack

from messages.eln import IMPORT, ElnEntry, ElnFile, ElnImportInput, ElnVariable
from messages.errors import CallRefusedError
from messages.ledger import ArtifactRef, Provenance, Result, Source
from messages.model import JsonObject
from nodes.eln._archive import METADATA, Archive, ElnFileError, opened
from nodes.eln._export import digest_of
from nodes.eln._reading import FoundEntry, read_entries
from nodes.eln._story import Tell

NAMESPACE: Final = UUID("6f1c2b64-2f0e-5a57-9d0d-3c52e1f6a9b1")
"""Of the ids of imported entries: they follow from the entries' content."""

_WORDS: Final = 4000
_LINE: Final = 500
_VARIABLES: Final = 120
_FILES: Final = 80
"""Most files of an entry that become artifacts of their own; of more the whole .eln file does."""

_BODY: Final = 52_000
"""Bytes of a result that leave room for the envelope below the ledger's 60 KiB."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Lab(Protocol):
    """Whom to tell; a `LabClient`."""

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Keep a copy of a file."""
        ...

    async def post_result(self, result: Result, *, id: UUID | None = None) -> UUID:  # noqa: A002
        """Post a result nobody asked for."""
        ...

    async def query(self, service: str, arguments: JsonObject | None = None) -> JsonObject:
        """Call a reading service."""
        ...


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an entry.

    Attributes:
        entry: Its ``@id`` in the file.
        name: Its title.
        outcome: ``told``; ``known``: imported before; ``own``: it came out of this ledger; ``new``:
            would be told.
        result: The result's uuid; of ``own`` the IRI of what it is.
        files: How many artifacts it has.
        licence: As the file says it; empty for none.
    """

    entry: str
    name: str
    outcome: Literal["told", "known", "own", "new"]
    result: str
    files: int
    licence: str


async def import_file(
    lab: Lab,
    path: Path,
    *,
    campaign: str | None = None,
    dry_run: bool = False,
    tell: Tell = lambda _done, _total: None,
) -> list[Imported]:
    """Tell the ledger of each entry of an .eln file that it does not know.

    Every byte is compared with the hashes in the file before anything is told.

    Raises:
        ConfigurationError: There is no such file.
        ElnFileError: It is damaged, dangerous, or its hashes do not fit.
        RefusedError: The ledger does not take a result.
    """
    with opened(path) as archive, TemporaryDirectory(prefix="labmesh-eln-") as scratch:
        digest = await asyncio.to_thread(digest_of, path)
        entries = read_entries(archive)
        hashes: dict[str, str] = {}
        for done, entry in enumerate(entries, 1):
            await asyncio.to_thread(_check, archive, entry, hashes)
            tell(done, 2 * len(entries))
        outcomes = []
        for done, entry in enumerate(entries, 1):
            file = _File(path, digest, archive, hashes, Path(scratch))
            outcomes.append(await _tell_one(lab, file, entry, campaign, dry_run=dry_run))
            tell(len(entries) + done, 2 * len(entries))
        return outcomes


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    digest: str
    archive: Archive
    hashes: dict[str, str]
    scratch: Path


def content_of(entry: FoundEntry, hashes: dict[str, str]) -> str:
    """Return the hash of what an entry says and of its files, wherever they lie."""
    files = sorted((each.name, hashes[each.member]) for each in entry.files)
    plain = [entry.said, entry.variables, files, entry.links]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check(archive: Archive, entry: FoundEntry, hashes: dict[str, str]) -> None:
    for each in entry.files:
        if each.member not in hashes:
            hashes[each.member] = archive.digest(each.member)
        found = hashes[each.member]
        if each.sha256 and each.sha256 != found:
            what = "has another content than" if _DIGEST.fullmatch(each.sha256) else "has no sha256"
            raise ElnFileError(
                f"{each.member!r} {what} its metadata say: sha256 {found[:12]}..., not "
                f"{each.sha256[:12]}...",
                where=str(archive.path), remedy="take another copy of the file; nothing was told",
            )  # fmt: skip


async def _tell_one(
    lab: Lab, file: _File, entry: FoundEntry, campaign: str | None, *, dry_run: bool
) -> Imported:
    content = content_of(entry, file.hashes)
    name, licence = entry.said["name"], entry.said["licence"]
    if entry.ours and await _ours(lab, entry.ours):
        return Imported(entry.id, name, "own", entry.ours, len(entry.files), licence)
    identity = uuid5(NAMESPACE, content)
    known = await _known(lab, "query.result", str(identity))
    if known or dry_run:
        outcome: Literal["known", "new"] = "known" if known else "new"
        return Imported(entry.id, name, outcome, str(identity), len(entry.files), licence)
    quantity, method = IMPORT
    artifacts, packed = await _attach(lab, file, entry)
    data = await asyncio.to_thread(_entry, entry, file.hashes, content, packed=packed)
    result = Result(
        quantity=quantity, method=method, outcome="resolved", campaign=campaign,
        parameters=ElnImportInput(
            file=_cut(file.path.name, _LINE), sha256=file.digest, entry=_cut(entry.id, _LINE)
        ).model_dump(mode="json"),
        data=data.model_dump(mode="json"), artifacts=tuple(artifacts),
        provenance=Provenance(
            software=f"labmesh {version('labmesh')}",
            simulated=("simulated", "yes", "") in entry.variables
            or ("simulated", "True", "") in entry.variables,
            source=Source(
                title=_cut(name, _WORDS), licence=_cut(licence or "none stated", _LINE),
                retrieved=f"{_cut(file.path.name, _LINE)}, sha256 {file.digest}, "
                f"entry {_cut(entry.id, _LINE)}",
            ),
            notes={"links": [_cut(each, _LINE) for each in entry.links[:20]]},
        ),
    )  # fmt: skip
    await lab.post_result(result, id=identity)
    return Imported(entry.id, name, "told", str(identity), len(artifacts), licence)


async def _attach(lab: Lab, file: _File, entry: FoundEntry) -> tuple[list[ArtifactRef], bool]:
    kept = [
        await lab.attach(
            file.archive.metadata, name=METADATA, media_type="application/ld+json"
        )
    ]  # fmt: skip
    if len(entry.files) > _FILES:
        kept.append(
            await lab.attach(file.path, media_type="application/vnd.eln+zip")
        )  # fmt: skip
        return kept, True
    for each in entry.files:
        target = file.scratch / file.hashes[each.member]
        if not target.exists():
            await asyncio.to_thread(file.archive.unpack, each.member, target)
        name = _cut(each.name.replace("\\", "/").rsplit("/", 1)[-1], 200) or "file"
        ref = await lab.attach(target, name=name, media_type=each.media_type[:200])
        target.unlink()
        kept.append(ref)
    return kept, False


def _entry(entry: FoundEntry, hashes: dict[str, str], content: str, *, packed: bool) -> ElnEntry:
    """Return an entry as the ledger takes it, cut where it is too long."""
    said: dict[str, Any] = {
        key: _cut(value, _WORDS if key == "text" else _LINE) if isinstance(value, str)
        else [_cut(each, _LINE) for each in value[:50]]
        for key, value in entry.said.items()
    }  # fmt: skip
    whole = said == entry.said and not packed
    variables = [
        ElnVariable(name=_cut(name, 200), value=_cut(value, _LINE), unit=_cut(unit, 100))
        for name, value, unit in entry.variables[:_VARIABLES]
    ]
    whole = whole and [(v.name, v.value, v.unit) for v in variables] == list(entry.variables)
    files = [] if packed else [
        ElnFile(
            path=_cut(each.member, _LINE), sha256=hashes[each.member],
            description=_cut(each.description, 200),
        )
        for each in entry.files
    ]  # fmt: skip
    while True:
        made = ElnEntry(
            **said, content=content, variables=tuple(variables), files=tuple(files), cut=not whole
        )
        # The artifacts say of each file once more what is said here.
        if len(msgpack.packb(made.model_dump(mode="json"))) + 260 * len(files) <= _BODY:
            return made
        whole = False
        if variables:
            variables = variables[: len(variables) // 2]
        else:
            said["text"] = said["text"][: len(said["text"]) // 2]
            files = [ElnFile(path=each.path[:80], sha256=each.sha256) for each in files]


async def _ours(lab: Lab, iri: str) -> bool:
    if iri.startswith("urn:uuid:"):
        return await _known(lab, "query.result", iri.removeprefix("urn:uuid:"))
    if iri.startswith("urn:labmesh:sample:"):
        return await _known(lab, "query.sample", iri.removeprefix("urn:labmesh:sample:"))
    return False


async def _known(lab: Lab, service: str, identity: str) -> bool:
    try:
        await lab.query(service, {"id": identity})
    except CallRefusedError as error:
        if error.code in {"not_found", "bad_arguments"}:
            return False
        raise
    return True


def _cut(text: str, length: int) -> str:
    # What a stranger's file holds may not be text that can be sent.
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= length else clean[: length - 3] + "..."


def licences_missing(outcomes: Sequence[Imported]) -> int:
    """Return of how many new entries nobody says a licence."""
    return sum(not each.licence and each.outcome in {"told", "new"} for each in outcomes)
