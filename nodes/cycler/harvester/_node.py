"""The node that reads raw files of cyclers into the ledger."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field, field_validator

from labmesh import (
    LabmeshError,
    Level,
    NoArguments,
    Node,
    NodeParameters,
    Order,
    OrderError,
    capability,
    parameter,
    service,
)
from messages.cycling_data import CyclingDataInput, CyclingDataOutput
from messages.errors import CallError, RefusedError
from messages.ledger import ArtifactRef, Provenance, Rating, Result
from messages.model import Count, Model, Text
from nodes.cycler._results import attach_all, digest, read_and_make, scratch
from nodes.cycler.files import UnreadableFileError
from nodes.cycler.harvester._book import Book, FileState, Known
from nodes.cycler.harvester._scan import Ready, look

_CAPABILITY: Final = ("cycling_data", "import")


class HarvesterParameters(NodeParameters):
    """Parameters of a `HarvesterNode`."""

    watch: list[str] = parameter(
        [], effect="configure", description="folders, with what lies below them"
    )
    settle: float = parameter(
        60.0, ge=0, unit="s", description="wall time without a change before a file is read"
    )
    interval: float = parameter(
        10.0, gt=0, unit="s", description="wall time between two looks at the folders"
    )
    timezone: str = parameter(
        "", description="IANA name, of the cyclers' clocks; empty: their times stay local"
    )
    sample: str = parameter(
        "", description="regular expression whose first group in a file's name is the sample's id; "
        "empty: what the file says",
    )  # fmt: skip

    @field_validator("sample")
    @classmethod
    def _expression(cls, value: str) -> str:
        if value and re.compile(value).groups < 1:
            raise ValueError("sample has no group")
        return value


class FileView(Model):
    """A file that the harvester knows."""

    path: Text
    group: Text = Field(description="first part of its test")
    size: Count
    modified: Count = Field(description="ns UTC")
    since: float = Field(description="wall time since which it is unchanged, s")
    state: Text = Field(description="unstable, stable, imported or unreadable")
    content: Text = Field(description="sha256 of the test's content")
    result: Text = Field(description="the result that holds it")
    words: Text = Field(description="why it is not imported, and the like")


class FilesInput(Model):
    """Which files."""

    state: Text = Field(default="", description="only of this state")


class FileList(Model):
    """Files by path."""

    files: tuple[FileView, ...]


class HarvesterNode(Node[HarvesterParameters]):
    """Watches folders and puts what cyclers write there into the ledger, each content once."""

    Parameters = HarvesterParameters
    _book: Book | None = None
    _looking: asyncio.Task[None] | None = None

    async def on_configure(self) -> None:
        """Open the book of files."""
        self._book = Book(self.data_dir / "harvester.sqlite")
        self._turn = asyncio.Lock()

    async def on_activate(self) -> None:
        """Begin to look."""
        self._looking = self.spawn(self._look_for_ever(), name="files")

    async def on_deactivate(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
            self._looking = None

    async def on_cleanup(self) -> None:
        """Close the book."""
        self._ready.close()
        self._book = None

    @capability("cycling_data", "import", worker="model")
    async def import_file(self, order: Order[CyclingDataInput]) -> CyclingDataOutput:
        """A cycler's raw file, read, checked and summarised."""
        asked = order.parameters
        path = await self.in_thread(Path(asked.file).resolve)
        if not any(path.is_relative_to(folder) for folder in self._folders()):
            raise OrderError(
                f"{asked.file} is in none of the watched folders",
                where="file",
                remedy=f"put it into one of {', '.join(map(str, self._folders())) or 'none'}",
            )
        try:
            if asked.sha256 is not None and await self.in_thread(digest, path) != asked.sha256:
                raise OrderError(f"{path.name} has another content", where="sha256")
            output, references = await self._read(path, (path,))
        except OSError as error:
            raise OrderError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except UnreadableFileError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        for reference in references:
            order.artifact(reference)
        rating = _rating(output)
        order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        return output

    @service("harvest.files", when_inactive=True)
    async def files(self, arguments: FilesInput) -> FileList:
        """Files that were found, how far they are, and why they are not imported."""
        found = [e for e in self._ready.files().values() if arguments.state in ("", e.state)]
        return FileList(
            files=tuple(FileView(**asdict(e) | {"state": e.state.value}) for e in found)
        )

    @service("harvest.scan")
    async def scan(self, arguments: NoArguments) -> FileList:
        """Look at the folders now."""
        await self._look()
        return await self.files(FilesInput())

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self._look()
            except (OSError, LabmeshError) as error:
                self.diagnose("files", Level.ERROR, f"cannot look at the folders: {error}")
            await asyncio.sleep(self.parameters.interval)

    async def _look(self) -> None:
        async with self._turn:
            ready, troubles = await self.in_thread(
                look, self._ready, self._folders(), time.time(), self.parameters.settle
            )
            for each in ready:
                await self._take(each)
            self._show(troubles)

    async def _take(self, ready: Ready) -> None:
        book = self._ready
        before = next((each.result for each in ready.files if each.result), "")
        try:
            result = book.result_of(ready.content) or await self._in_ledger(ready)
            words = "the same content as that result's" if result else ""
            if not result:
                result, words = await self._import(ready, before), ""
        except UnreadableFileError as error:
            self._note(ready, FileState.UNREADABLE, "", error.what)
            self.log.warn(f"not read: {error}", file=ready.parts[0])
        except OSError as error:
            self._note(ready, FileState.UNREADABLE, "", f"cannot be read: {error.strerror}")
        except (CallError, RefusedError, LabmeshError) as error:
            self._note(ready, FileState.STABLE, "", f"the ledger has not taken it: {error}")
        else:
            book.held(ready.content, result)
            self._note(ready, FileState.IMPORTED, result, words)

    async def _import(self, ready: Ready, before: str) -> str:
        """Read a test and post it; return the result's id, the same for the same content."""
        first, p = ready.parts[0], self.parameters
        output, references = await self._read(first, ready.parts)
        sample = self._sample(first, output)
        notes = {"file": str(first), "content": ready.content, "parts": len(ready.parts)}
        result = Result(
            quantity=_CAPABILITY[0],
            method=_CAPABILITY[1],
            parameters=CyclingDataInput(
                file=str(first)[:4000], sha256=output.files.raw[0].sha256, sample=sample
            ).model_dump(),
            outcome="resolved",
            data=output.model_dump(),
            rating=_rating(output),
            provenance=Provenance(
                instrument=output.instrument,
                parameters={"timezone": p.timezone},
                notes=notes | ({"replaces": before} if before else {}),
            ),
            artifacts=references,
        )
        identity = uuid5(NAMESPACE_URL, f"labmesh:cycling_data:{self.id}:{ready.content}")
        await self.lab.post_result(result, id=identity)
        self.log.info(f"imported {first.name}", result=identity, format=output.file_format)
        return str(identity)

    async def _read(
        self, first: Path, parts: tuple[Path, ...]
    ) -> tuple[CyclingDataOutput, tuple[ArtifactRef, ...]]:
        with scratch() as folder:
            made = await self.in_thread(
                lambda: read_and_make(
                    first, timezone=self.parameters.timezone or None, folder=Path(folder)
                )
            )
            return await attach_all(self.lab.attach, made, parts)

    async def _in_ledger(self, ready: Ready) -> str:
        """Return the result that holds this very file already: that of a cycling order, say."""
        raw = await self.in_thread(digest, ready.parts[0])
        async for view in self.lab.artifacts(sha256=raw):
            return str(view.result)
        return ""

    def _sample(self, path: Path, output: CyclingDataOutput) -> str | None:
        expression = self.parameters.sample
        found = re.search(expression, path.name) if expression else None
        name = found[1] if found else output.cell
        fits = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", name or "")
        return name if fits else None

    def _note(self, ready: Ready, state: FileState, result: str, words: str) -> None:
        self._ready.note(
            replace(e, state=state, content=ready.content, result=result, words=words[:4000])
            for e in ready.files
        )

    def _show(self, troubles: list[str]) -> None:
        counts = dict.fromkeys(FileState, 0)
        bad: Known | None = None
        for each in self._ready.files().values():
            counts[each.state] += 1
            if each.state is FileState.UNREADABLE:
                bad = bad or each
        words = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no files"
        if bad is not None:
            words += f"; {bad.path}: {bad.words}"
        level = Level.ERROR if troubles else Level.WARN if bad is not None else Level.OK
        self.diagnose(
            "files", level, "; ".join([*troubles, words])[:4000],
            remedy="harvest.files lists them; a file is tried again when it changes" if bad else "",
            **{state.value: count for state, count in counts.items()},
        )  # fmt: skip

    def _folders(self) -> list[Path]:
        return [Path(each).resolve() for each in self.parameters.watch]

    @property
    def _ready(self) -> Book:
        if self._book is None:
            raise LabmeshError("the node is not configured", where=str(self.id))
        return self._book


def _rating(output: CyclingDataOutput) -> Rating:
    worst = next((f.words for f in output.findings if f.severity == "error"), "")
    warning = next((f.words for f in output.findings if f.severity == "warning"), "")
    words = worst or warning or "all checks of the file passed"
    rating = 1 if worst else 3 if warning else 5
    return Rating(success=not worst, rating=rating, reason=words[:4000])
