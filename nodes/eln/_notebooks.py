"""The notebooks that a campaign can be written into."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

from labmesh.crate import CrateDescription
from labmesh.record import Record
from messages.eln import ElnDeploymentOutput, ElnObject, ElnWritten
from messages.errors import ConfigurationError
from nodes.eln._elabftw import ElabFtw
from nodes.eln._export import export
from nodes.eln._openbis_deploy import deploy_openbis
from nodes.eln._openbis_plan import CELL, ELECTROLYTE, plan
from nodes.eln._openbis_session import OpenBis
from nodes.eln._settings import checked_url, read_token
from nodes.eln._story import Story, Tell

_OBJECTS: Final = 200
"""Objects named in an answer."""

TRIED: Final = {
    "file": "validated by roc-validator and the .eln format's own schema",
    "openbis": "exercised with real pyBIS against a stub of openBIS's protocol, never against an "
    "openBIS server",
    "elabftw": "exercised against a stub of eLabFTW's REST API, never against an eLabFTW server",
}
"""How far each adapter has been tried."""


class Notebook(Protocol):
    """Where campaigns are written."""

    async def deploy(
        self, record: Record, story: Story, *, dry_run: bool, tell: Tell
    ) -> ElnDeploymentOutput:
        """Write a campaign; what is there already stays.

        Raises:
            LabmeshError: It cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderNotebook:
    """A folder of .eln files, one a campaign."""

    folder: Path
    description: CrateDescription

    async def deploy(
        self, record: Record, story: Story, *, dry_run: bool, tell: Tell
    ) -> ElnDeploymentOutput:
        """Write ``{campaign}.eln``; as `Notebook.deploy`."""
        target = self.folder / f"{story.campaign}.eln"
        digest = None
        if not dry_run:
            await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
            digest = (await export(record, story, target, self.description, tell=tell)).sha256
        counts = [
            ElnWritten(kind=kind, created=n, present=0)
            for kind, n in (("sample", len(story.samples)), ("result", len(story.results)))
        ]
        return answer("file", str(target), story, counts, dry_run=dry_run, file=digest)


@dataclass(frozen=True, slots=True)
class OpenBisNotebook:
    """An openBIS server."""

    url: str
    token: str = field(repr=False)
    space: str
    project: str
    ca_file: Path | None
    patience: float

    async def deploy(
        self, record: Record, story: Story, *, dry_run: bool, tell: Tell
    ) -> ElnDeploymentOutput:
        """Create what is missing; as `Notebook.deploy`."""
        server = await asyncio.to_thread(
            OpenBis, self.url, self.token, ca_file=self.ca_file, patience=self.patience
        )
        wanted = plan(story)
        done = await deploy_openbis(
            server, record, wanted, space=self.space, project=self.project, dry_run=dry_run,
            tell=tell,
        )  # fmt: skip
        counts = [
            ElnWritten(kind=kind, created=done.created[kind], present=done.present[kind])
            for kind in dict.fromkeys((*done.created, *done.present))
        ]
        objects = [
            ElnObject(kind=each.kind, subject=each.subject, code=done.identifiers[each.code])
            for each in wanted.things
            if each.kind in {CELL, ELECTROLYTE}
        ]
        if done.missing:
            raise ConfigurationError(
                f"{len(done.missing)} files could not be had; all else is in openBIS",
                where=", ".join(each[:12] for each in done.missing[:5]),
                remedy="see `labmesh artifact list --missing`, then deploy again",
            )
        return answer("openbis", self.url, story, counts, dry_run=dry_run, objects=objects)


@dataclass(frozen=True, slots=True)
class ElabFtwNotebook:
    """An eLabFTW server."""

    url: str
    key: str = field(repr=False)
    ca_file: Path | None
    patience: float
    description: CrateDescription

    async def deploy(
        self, record: Record, story: Story, *, dry_run: bool, tell: Tell
    ) -> ElnDeploymentOutput:
        """Import the entries that are missing; as `Notebook.deploy`."""
        async with ElabFtw(
            self.url, self.key, ca_file=self.ca_file, patience=self.patience
        ) as server:
            counts = await server.deploy(
                record, story, self.description, dry_run=dry_run, tell=tell
            )
        return answer("elabftw", self.url, story, counts, dry_run=dry_run)


def make_notebook(
    *, system: Literal["file", "openbis", "elabftw"], folder: Path, url: str = "",
    token_file: str = "", ca_file: str = "", space: str = "LABMESH", project: str = "CAMPAIGNS",
    patience: float = 60.0, description: CrateDescription | None = None,
) -> Notebook:  # fmt: skip
    """Return the notebook that settings name; nothing is asked yet.

    Raises:
        ConfigurationError: A setting is missing or wrong.
    """
    said = description or CrateDescription()
    if system == "file":
        return FolderNotebook(folder, said)
    if not url:
        raise ConfigurationError(
            f"no address of the {system} server", where="url", remedy="set url to https://..."
        )
    there, token = checked_url(url), read_token(system, token_file)
    trusted = Path(ca_file) if ca_file else None
    if system == "openbis":
        return OpenBisNotebook(there, token, space, project, trusted, patience)
    return ElabFtwNotebook(there, token, trusted, patience, said)


def answer(
    system: Literal["file", "openbis", "elabftw"], place: str, story: Story,
    counts: Iterable[ElnWritten], *, dry_run: bool, objects: Iterable[ElnObject] = (),
    file: str | None = None,
) -> ElnDeploymentOutput:  # fmt: skip
    """Return what a deployment answers."""
    return ElnDeploymentOutput(
        system=system, place=place, campaign=story.campaign, dry_run=dry_run,
        written=tuple(counts), objects=tuple(objects)[:_OBJECTS], withheld=story.withheld,
        restricted=story.restricted, file=file, verified=TRIED[system],
    )  # fmt: skip
