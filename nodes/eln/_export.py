"""Writing a campaign into an .eln file."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from labmesh.crate import CrateDescription, zip_crate
from labmesh.record import Record
from messages.errors import ConfigurationError, LabmeshError
from messages.ledger import ArtifactRef
from messages.model import JsonObject
from nodes.eln._documents import Documents
from nodes.eln._eln_graph import METADATA, ElnGraph, result_folder, sample_folder
from nodes.eln._names import free_name
from nodes.eln._story import Result, Sample, Story, Tell
from nodes.eln._variables import variables

_JSON: Final = "application/json"
_JSON_LD: Final = "application/ld+json"


@dataclass(frozen=True, slots=True)
class Exported:
    """An .eln file that was written.

    Attributes:
        path: The file.
        sha256: Of its content.
        samples: How many samples are in it; likewise results, files.
        missing: sha256 of artifacts that could not be had, and are not in it.
    """

    path: Path
    sha256: str
    samples: int
    results: int
    files: int
    missing: tuple[str, ...]


async def export(
    record: Record,
    story: Story,
    target: Path,
    description: CrateDescription,
    *,
    only: Collection[str] | None = None,
    plain: bool = False,
    tell: Tell = lambda _done, _total: None,
) -> Exported:
    """Write a campaign into the .eln file ``target``, whole or not at all.

    The same record and description give the same bytes.

    Args:
        record: Where the files come from.
        story: The campaign.
        target: The file; one of that name is replaced.
        description: What a person says.
        only: Ids of the samples and results that shall be in it; None for all.
        plain: With RO-Crate 1.1's own context alone: SampleDB insists on it. It has no term for
            sha256, so that roc-validator refuses the file.
        tell: Told of the progress.

    Raises:
        ConfigurationError: The target is no .eln file, or its folder is not there.
        LabmeshError: It cannot be written.
    """
    if target.suffix != ".eln":
        raise ConfigurationError(
            f"{target.name} does not end in .eln", where=str(target),
            remedy="notebooks know the format by its name",
        )  # fmt: skip
    if not target.parent.is_dir():
        raise ConfigurationError(
            "there is no such folder", where=str(target.parent), remedy="make it first"
        )
    there = {each for each in story.samples if only is None or each in only}
    graph = ElnGraph(story, description, there, plain=plain)
    with TemporaryDirectory(prefix=".labmesh-eln-", dir=target.parent) as scratch:
        root = Path(scratch)
        try:
            counts = await _fill(record, story, root, graph, only, tell)
            await asyncio.to_thread(zip_crate, root, target)
        except OSError as error:
            raise LabmeshError(
                f"cannot be written: {error}", where=str(target), remedy="see to the disk"
            ) from error
    digest = await asyncio.to_thread(digest_of, target)
    return Exported(target, digest, *counts)


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


async def _fill(
    record: Record,
    story: Story,
    root: Path,
    graph: ElnGraph,
    only: Collection[str] | None,
    tell: Tell,
) -> tuple[int, int, int, tuple[str, ...]]:
    samples = [each for each in story.samples.values() if only is None or each.id in only]
    results = [each for each in story.results.values() if only is None or each.id in only]
    documents = Documents(story)
    total, count, missing = len(samples) + len(results), 0, []
    for done, sample in enumerate(samples, 1):
        files = await asyncio.to_thread(_sample_files, documents, root, sample)
        graph.sample(sample, sample_folder(sample.id), files)
        count += len(files)
        tell(done, total)
    for done, result in enumerate(results, 1 + len(samples)):
        files, lost = await _result_files(record, documents, root, result)
        key = result.capability
        graph.result(result, files, variables(result.body, story.schemas.get(key)))
        missing += lost
        count += len(files)
        tell(done, total)
    (root / METADATA).write_bytes(graph.document())
    return len(samples), len(results), count, tuple(dict.fromkeys(missing))


def _sample_files(documents: Documents, root: Path, sample: Sample) -> list[JsonObject]:
    folder = sample_folder(sample.id)
    return [
        _write(root, folder, "sample.json", documents.sample(sample), _JSON,
               "the sample and its states, as the ledger has them"),
        _write(root, folder, "metadata.jsonld", documents.sample_linked(sample), _JSON_LD,
               "the sample and its history as linked data"),
    ]  # fmt: skip


def _documents_of(documents: Documents, root: Path, result: Result) -> list[JsonObject]:
    folder = result_folder(result)
    return [
        _write(root, folder, "result.json", documents.result(result), _JSON,
               "the result, as the ledger has it"),
        _write(root, folder, "metadata.jsonld", documents.result_linked(result), _JSON_LD,
               "the result as linked data"),
    ]  # fmt: skip


async def _result_files(
    record: Record, documents: Documents, root: Path, result: Result
) -> tuple[list[JsonObject], list[str]]:
    folder = result_folder(result)
    files = await asyncio.to_thread(_documents_of, documents, root, result)
    missing = []
    taken = {"result.json", "metadata.jsonld"}
    for each in result.files:
        source = await record.artifact(each.sha256)
        if source is None:
            missing.append(each.sha256)
            continue
        name = free_name(each.name, taken)
        await asyncio.to_thread(_place, source, root / folder / name)
        files.append(_node(folder, name, each))
    return files, missing


def _write(
    root: Path, folder: str, name: str, content: bytes, media_type: str, words: str
) -> JsonObject:
    path = root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {
        "@id": f"{folder}{name}", "@type": "File", "name": name, "description": words,
        "encodingFormat": media_type, "contentSize": str(len(content)),
        "sha256": sha256(content).hexdigest(),
    }  # fmt: skip


def _node(folder: str, name: str, artifact: ArtifactRef) -> JsonObject:
    return {
        "@id": f"{folder}{name}", "@type": "File", "name": artifact.name,
        "description": "a file of the measurement, by its author",
        "encodingFormat": artifact.media_type or "application/octet-stream",
        "contentSize": str(artifact.size), "sha256": artifact.sha256,
        "identifier": f"urn:labmesh:artifact:{artifact.sha256}",
    }  # fmt: skip


def _place(source: Path, target: Path) -> None:
    """Put a file where it belongs; a hard link where the disk has them."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
