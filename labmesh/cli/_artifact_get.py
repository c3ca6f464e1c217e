"""Artifacts into files, with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labmesh.artifacts import digest_of, file_name
from labmesh.cli._format import size
from labmesh.cli._session import Session
from labmesh.client import LabClient, requester
from messages.artifact import ArtifactView
from messages.errors import CallError, CallRefusedError, ConfigurationError
from messages.ledger import ArtifactRef
from messages.model import JsonObject

Tell = Callable[[int, int], None]

_DIGITS = 64


@dataclass(frozen=True, slots=True)
class _Wanted:
    sha256: str
    name: str


async def get_artifacts(session: Session, what: str, output: Path | None, *, force: bool) -> None:
    """Fetch what ``what`` names into ``output``.

    Raises:
        ConfigurationError: A file is there, or several artifacts shall go into one file.
        LabmeshError: Nothing is called so, or it cannot be had.
    """
    async with session.visit() as visitor, requester(visitor) as lab:
        wanted = await _resolve(lab, what)
        files = _files(wanted, output)
        got: list[JsonObject] = []
        for each in wanted:
            file = files[each.sha256]
            if file.exists() and not force:
                if not file.is_file() or digest_of(file) != each.sha256:
                    raise ConfigurationError(
                        "there is such a file already",
                        where=str(file),
                        remedy="name another with -o, or add --force",
                    )
            else:
                with _bar(session, file.name) as tell:
                    await lab.artifact(
                        each.sha256, to=file, progress=tell, patience=session.patience
                    )
            got.append(
                {
                    "sha256": each.sha256,
                    "name": each.name,
                    "size": file.stat().st_size,
                    "file": str(file),
                }
            )
    if session.out.as_json:
        session.out.document(got)
        return
    for item in got:
        session.out.text(f"{item['file']}  {size(item['size'])}  sha256 {item['sha256']}")


async def _resolve(lab: LabClient, what: str) -> list[_Wanted]:
    """Return the artifacts that are meant, each content once."""
    text = what.lower()
    views: list[ArtifactView] = []
    try:
        if "-" not in text:
            views = [view async for view in lab.artifacts(sha256=text)]
            if len({view.sha256 for view in views}) > 1:
                raise ConfigurationError(
                    f"more than one artifact begins with {what!r}", remedy="give more digits"
                )
            views = views[:1]
        if not views and len(text) < _DIGITS:
            result = await lab.result(text)
            if not result.artifacts:
                raise ConfigurationError(f"result {result.id} has no artifacts")
            return [_Wanted(a.sha256, a.name) for a in _once(result.artifacts)]
    except CallRefusedError as error:
        if error.code not in ("not_found", "bad_arguments"):
            raise
        raise ConfigurationError(
            f"no artifact and no result is called {what!r}", remedy="see labmesh artifact list"
        ) from None
    except CallError:
        # The broker node is silent; whoever has it may be asked by its whole hash.
        if len(text) != _DIGITS:
            raise
    if views:
        return [_Wanted(views[0].sha256, views[0].name)]
    return [_Wanted(text, "")]


def _once(artifacts: tuple[ArtifactRef, ...]) -> list[ArtifactRef]:
    return list({artifact.sha256: artifact for artifact in artifacts}.values())


def _files(wanted: list[_Wanted], output: Path | None) -> dict[str, Path]:
    """Return where each one goes; names are data, so only what is harmless of them is used."""
    folder = output if output is not None and (output.is_dir() or len(wanted) > 1) else Path()
    if len(wanted) == 1 and output is not None and not output.is_dir():
        return {wanted[0].sha256: output}
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(
            f"{len(wanted)} artifacts do not go into one file",
            where=str(folder),
            remedy="name a folder with -o",
        )
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for each in wanted:
        name = file_name(each.name, each.sha256)
        if any(name == file.name for file in files.values()):
            name = f"{each.sha256[:8]}-{name}"
        files[each.sha256] = folder / name
    return files


@contextmanager
def _bar(session: Session, name: str) -> Iterator[Tell | None]:
    """Show how far it is, where someone looks."""
    if session.out.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield tell
