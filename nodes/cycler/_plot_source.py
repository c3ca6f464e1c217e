"""The table that a name stands for: a file here, or an artifact, result or sample of the ledger."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import polars as pl

from labmesh.client import LabClient
from messages.errors import CallRefusedError, ConfigurationError
from messages.ledger import ArtifactRef
from nodes.cycler.files import read_cycler_file, read_parquet

_PARQUET: Final = b"PAR1"
_HASH: Final = 64


def table_of(path: Path, *, format: str | None = None) -> tuple[pl.DataFrame, str]:  # noqa: A002
    """The canonical table of a raw file or of a Parquet file, and what to call it.

    Raises:
        UnreadableFileError: It is neither.
    """
    with path.open("rb") as opened:
        is_parquet = opened.read(4) == _PARQUET
    if is_parquet:
        table, document = read_parquet(path)
        return table, str(document.get("dc:title") or path.name)
    data = read_cycler_file(path, format=format)
    return data.table, data.metadata.cell or path.name


async def fetched_table(lab: LabClient, name: str, patience: float) -> tuple[pl.DataFrame, str]:
    """The table of an artifact (its sha256 or its beginning), a result or a sample (its newest).

    Raises:
        ConfigurationError: Nothing of the ledger is called so, or it has no cycler's data.
        ArtifactError: Nobody has the file any more.
    """
    artifact = await _artifact(lab, name)
    with tempfile.TemporaryDirectory(prefix="labmesh-") as folder:
        path = Path(folder) / (Path(artifact.name).name or "artifact")
        await lab.artifact(artifact.sha256, to=path, patience=patience)
        table, title = table_of(path)
    return table, title


async def _artifact(lab: LabClient, name: str) -> ArtifactRef:
    text = name.lower()
    try:
        if "-" not in text:
            found = {view.sha256: view async for view in lab.artifacts(sha256=text)}
            if len(found) > 1:
                raise ConfigurationError(
                    f"more than one artifact begins with {name!r}", remedy="give more digits"
                )
            if found:
                return next(iter(found.values()))
    except CallRefusedError as error:
        if error.code not in {"not_found", "bad_arguments"}:
            raise
    artifacts: tuple[ArtifactRef, ...] = ()
    if len(text) < _HASH:
        try:
            artifacts = (await lab.result(text)).artifacts
        except CallRefusedError as error:
            if error.code not in {"not_found", "bad_arguments"}:
                raise
            artifacts = await _of_sample(lab, name)
    best = _best(artifacts)
    if best is None:
        raise ConfigurationError(
            f"no artifact, result or sample with a cycler's data is called {name!r}",
            remedy="see labmesh artifact list, or name a file",
        )
    return best


async def _of_sample(lab: LabClient, name: str) -> tuple[ArtifactRef, ...]:
    found: tuple[ArtifactRef, ...] = ()
    async for result in lab.results(newest_first=True):
        if any(str(step.sample) == name for step in result.samples) and _best(result.artifacts):
            found = result.artifacts
            break
    return found


def _best(artifacts: tuple[ArtifactRef, ...]) -> ArtifactRef | None:
    """A Parquet table rather than a raw file; never a picture or metadata."""
    for wanted in (".parquet", ""):
        for each in artifacts:
            suffix = Path(each.name).suffix.lower()
            if suffix == wanted or (not wanted and suffix not in {".json", ".png", ".md"}):
                return each
    return None
