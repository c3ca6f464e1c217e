"""Writing a plan into an openBIS server: what is there stays, what is missing is created."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from labmesh.record import Record
from nodes.eln._openbis_plan import DataSet, Plan, Thing
from nodes.eln._openbis_session import NotebookError, OpenBis
from nodes.eln._openbis_types import CAMPAIGN, PREFIX, make_types, typed
from nodes.eln._story import Tell

_PAGE: Final = 500


@dataclass(slots=True)
class Written:
    """What a deployment found and made, by kind.

    Attributes:
        created: How many of each kind were not there.
        present: How many were.
        identifiers: openBIS identifier of each object, by its code.
        missing: sha256 of artifacts that could not be had; their data sets wait for the next run.
    """

    created: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    identifiers: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


async def deploy_openbis(
    server: OpenBis,
    record: Record,
    plan: Plan,
    *,
    space: str,
    project: str,
    dry_run: bool = False,
    tell: Tell = lambda _done, _total: None,
) -> Written:
    """Create what of a plan is not on the server.

    Killed at any moment, the next call goes on: every object and data set is there whole or not at
    all, and is found again by its code or its content.

    Raises:
        ConfigurationError: A type of ours is somebody else's there.
        NotebookError: The server refuses, or does not answer.
    """
    work = _Deployment(server, space.upper(), project.upper())
    total = len(plan.things) + len(plan.data_sets)
    await asyncio.to_thread(work.look, dry_run=dry_run)
    if not dry_run:
        await asyncio.to_thread(work.found_campaign, plan)
    for done, thing in enumerate(plan.things, 1):
        await asyncio.to_thread(work.thing, thing, dry_run=dry_run)
        tell(done, total)
    for done, data_set in enumerate(plan.data_sets, 1 + len(plan.things)):
        if not work.has(data_set) and not dry_run:
            await _send(work, record, plan, data_set)
        elif not work.has(data_set):
            work.written.created[data_set.kind] += 1
        else:
            work.written.present[data_set.kind] += 1
        tell(done, total)
    return work.written


async def _send(work: _Deployment, record: Record, plan: Plan, data_set: DataSet) -> None:
    files: dict[str, Path] = {}
    for name, artifact in data_set.artifacts.items():
        source = await record.artifact(artifact.sha256)
        if source is None:
            # Half a data set would be taken for the whole one by the next run.
            work.written.missing.append(artifact.sha256)
            return
        files[name] = source
    await asyncio.to_thread(work.data_set, plan, data_set, files)


class _Deployment:
    def __init__(self, server: OpenBis, space: str, project: str) -> None:
        self._server, self._bis = server, server.bis
        self._space, self._project = space, project
        self._place = f"/{space}/{project}"
        self._there: set[str] = set()
        self._made: dict[str, Any] = {}
        self._contents: set[tuple[str, str]] = set()
        self._campaign: Any = None
        self.written = Written()

    def look(self, *, dry_run: bool) -> None:
        """Find out what is there; make the types, the space and the project where they are not."""
        if not dry_run:
            made = make_types(self._server)
            self.written.created.update({key: n for key, n in made.items() if n})
            self._home()
        elif not self._exists():
            return
        ask = self._server.asked
        start = 0
        while True:
            page = ask(
                self._bis.get_samples, space=self._space, project=self._project,
                start_with=start, count=_PAGE, raw_response=True,
            )["objects"]  # fmt: skip
            self._there |= {each["code"] for each in page}
            start += _PAGE
            if len(page) < _PAGE:
                break
        for kind in ("RESULT_DATA", "LINKED_DATA"):
            self._look_for_data(kind)

    def _look_for_data(self, kind: str) -> None:
        start, ask = 0, self._server.asked
        while True:
            page = ask(self._bis.get_datasets, type=kind, start_with=start, count=_PAGE)
            for each in page:
                said = {name.upper(): value for name, value in each.data["properties"].items()}
                place = each.data["experiment"]["identifier"]["identifier"]
                if place.startswith(f"{self._place}/"):
                    self._contents.add((said[f"{PREFIX}ID"], said[f"{PREFIX}SHA256"]))
            start += _PAGE
            if len(page) < _PAGE:
                return

    def _exists(self) -> bool:
        """Tell whether the project is there already, and so its types."""
        try:
            self._server.asked(self._bis.get_project, self._place)
        except NotebookError:
            return False
        return True

    def _home(self) -> None:
        ask = self._server.asked
        try:
            space = ask(self._bis.get_space, self._space)
        except NotebookError:
            space = ask(self._bis.new_space, code=self._space, description="Labmesh")
            ask(space.save)
        if not self._exists():
            project = ask(
                self._bis.new_project, space=self._space, code=self._project,
                description="Campaigns, written by Labmesh",
            )  # fmt: skip
            ask(project.save)

    def found_campaign(self, plan: Plan) -> None:
        """Find or make the collection of the campaign."""
        ask, identifier = self._server.asked, f"{self._place}/{plan.code}"
        try:
            self._campaign = ask(self._bis.get_experiment, identifier)
            self.written.present[CAMPAIGN] += 1
        except NotebookError:
            new = ask(
                self._bis.new_experiment, type=CAMPAIGN, code=plan.code, project=self._place,
                props=_named(plan.said),
            )  # fmt: skip
            ask(new.save)
            self._campaign = ask(self._bis.get_experiment, identifier)
            self.written.created[CAMPAIGN] += 1

    def thing(self, thing: Thing, *, dry_run: bool) -> None:
        """Make an object that is not there."""
        self.written.identifiers[thing.code] = f"{self._place}/{thing.code}"
        if thing.code in self._there:
            self.written.present[thing.kind] += 1
            return
        self.written.created[thing.kind] += 1
        if dry_run:
            return
        ask = self._server.asked
        new = ask(
            self._bis.new_sample, type=thing.kind, code=thing.code, project=self._place,
            experiment=self._campaign, parents=[self._object(each) for each in thing.parents],
            props=_named(thing.said),
        )  # fmt: skip
        ask(new.save)
        self._made[thing.code] = new
        self._there.add(thing.code)

    def has(self, data_set: DataSet) -> bool:
        """Tell whether a data set with that content is there."""
        return (data_set.subject, data_set.content) in self._contents

    def data_set(self, plan: Plan, data_set: DataSet, artifacts: dict[str, Path]) -> None:
        """Upload and register a data set; it is there whole when this returns."""
        ask = self._server.asked
        owner: dict[str, Any] = (
            {"sample": self._object(data_set.owner)} if data_set.owner
            else {"experiment": self._campaign}
        )  # fmt: skip
        with TemporaryDirectory(prefix="labmesh-openbis-") as folder:
            files = _gather(Path(folder), data_set.documents(), artifacts)
            new = ask(
                self._bis.new_dataset, type=data_set.kind, files=[str(each) for each in files],
                props=_named(data_set.said), **owner,
            )  # fmt: skip
            ask(new.save)
            self._check(new, files)
        self._contents.add((data_set.subject, data_set.content))
        self.written.created[data_set.kind] += 1

    def _check(self, new: Any, files: list[Path]) -> None:
        """Compare what the server has with what was sent: pyBIS may lose an upload's error.

        Raises:
            NotebookError: Something is missing; the data set was deleted again.
        """
        there = self._server.asked(lambda: new.get_dataset_files().df.to_dict(orient="records"))
        found = {
            Path(str(each["path"])).name: int(each["fileLength"])
            for each in there
            if not each["directory"]
        }
        sent = {each.name: each.stat().st_size for each in files}
        if found != sent:
            self._server.asked(new.delete, "Labmesh: the upload was not whole")
            raise NotebookError(
                f"data set {new.permId} was not uploaded whole, and is deleted again",
                where=self._server.url, remedy="run it again",
            )  # fmt: skip

    def _object(self, code: str) -> Any:
        if code not in self._made:
            self._made[code] = self._server.asked(self._bis.get_sample, f"{self._place}/{code}")
        return self._made[code]


def _gather(folder: Path, documents: dict[str, bytes], artifacts: dict[str, Path]) -> list[Path]:
    """Put files where they have the names they shall have."""
    files = []
    for name, content in documents.items():
        (folder / name).write_bytes(content)
        files.append(folder / name)
    for name, source in artifacts.items():
        try:
            os.link(source, folder / name)
        except OSError:
            shutil.copyfile(source, folder / name)
        files.append(folder / name)
    return files


def _named(said: dict[str, str]) -> dict[str, Any]:
    """Return properties as pyBIS takes them."""
    return {f"{PREFIX}{key}".lower(): typed(key, value) for key, value in said.items()}
