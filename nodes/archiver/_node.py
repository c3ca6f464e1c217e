"""The archiver node."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

from labmesh import LabmeshError, Level, Node, Order, OrderError, capability
from labmesh.record import Record, mesh_record
from messages.archive import DEPOSIT, DepositInput, DepositOutput
from messages.errors import CallError, ConfigurationError, TransportError
from messages.node import State
from nodes.archiver._errors import ArchiveError
from nodes.archiver._feedback import telling
from nodes.archiver._folder import FolderTarget
from nodes.archiver._parameters import ArchiverParameters
from nodes.archiver._schedule import Schedule
from nodes.archiver._state import DepositStore
from nodes.archiver._targets import Asked, Target


class ArchiverNode(Node[ArchiverParameters]):
    """Gives campaigns' crates to an archive: when asked for, and on a schedule."""

    Parameters = ArchiverParameters
    _store: DepositStore | None = None
    _target: Target
    _schedules: tuple[asyncio.Task[None], ...] = ()

    async def on_configure(self) -> None:
        """Open the list of deposits; check what can be checked without the archive."""
        at = self.parameters
        self._store = DepositStore(self.data_dir / "deposits.sqlite")
        if at.kind == "folder":
            folder = Path(at.folder) if at.folder else self.data_dir / "crates"
            self._target = FolderTarget(
                folder.absolute(), self._store, lambda: self.parameters.description
            )
            await self._target.check()
        else:
            if not at.url:
                raise ConfigurationError(
                    "an archive of kind invenio has an address", where="url",
                    remedy="set url to its API: https://zenodo.org/api",
                )  # fmt: skip
            # With httpx: a folder of crates does without it.
            invenio = import_module("nodes.archiver._invenio")
            self._target = invenio.InvenioTarget(
                lambda: self.parameters, self.data_dir, self._store, self.id.site
            )

    async def on_activate(self) -> None:
        """Look at the archive, and begin to keep the schedules."""
        self.spawn(self._look_at_archive(), name="archive")
        self._schedules = tuple(
            self.spawn(self._schedule(each).run(), name=f"schedule {each}")
            for each in self.parameters.campaigns
        )

    async def on_deactivate(self) -> None:
        """Keep no schedule."""
        tasks, self._schedules = self._schedules, ()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def on_cleanup(self) -> None:
        """Close the list of deposits."""
        self._close()

    async def on_shutdown(self) -> None:
        """Close the list of deposits."""
        self._close()

    async def on_parameters(self, before: ArchiverParameters, after: ArchiverParameters) -> None:
        """Keep the new schedules."""
        changed = (before.campaigns, before.schedule) != (after.campaigns, after.schedule)
        if changed and self.state is State.ACTIVE:
            self.spawn(self._begin_again(), name="schedules")

    @capability(*DEPOSIT)
    async def deposit(self, order: Order[DepositInput]) -> DepositOutput:
        """A campaign's crate, given to an archive for good."""
        campaign = order.parameters.campaign
        if order.campaign == campaign:
            raise OrderError(
                "a deposit belongs to no campaign: it would be something new of its own",
                remedy="ask without naming a campaign for the request itself",
            )
        async with telling(order) as tell:
            asked = Asked(
                campaign=campaign, record=self._record(), by=str(order.request),
                former=await self._former(campaign), tell=tell,
            )  # fmt: skip
            try:
                done = await self._target.deposit(asked)
            except ArchiveError as error:
                self._say_error(error)
                raise OrderError(
                    error.what, where=error.where, remedy=error.remedy, retryable=error.retryable
                ) from error
            except (OrderError, CallError, TransportError):
                raise
            except LabmeshError as error:
                raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        if done.missing:
            words = (
                f"{len(done.missing)} artifacts could not be had: labmesh artifact list --missing"
            )
            self.log.warn(f"{campaign}: {words}")
            order.rate(success=True, rating=2, reason=words)
            order.note(missing_artifacts=list(done.missing[:100]))
        self._say_done(done.output)
        return done.output

    def _record(self) -> Record:
        return mesh_record(self.lab, self.data_dir / "artifacts-of-others")

    async def _former(self, campaign: str) -> str:
        """Return the record of the campaign's last deposit here that the ledger knows of."""
        quantity, method = DEPOSIT
        filters = {"quantity": quantity, "method": method, "newest_first": True}
        async for result in self.lab.results(**filters):
            data = result.data or {}
            same = (data.get("campaign"), data.get("archive")) == (campaign, self._target.address)
            if same and data.get("state") == "published":
                return str(data["record"])
        return ""

    def _schedule(self, campaign: str) -> Schedule:
        assert self._store is not None  # noqa: S101 - the node is configured
        work: Any = lambda: import_module("nodes.archiver._prepare")  # noqa: E731 - heavy, later

        def every() -> str:
            said: str | None = work().described(self.parameters.description, campaign).schedule
            return said or self.parameters.schedule

        async def look() -> str:
            module = await asyncio.to_thread(work)
            seen: str = await module.seen_of(self._record(), campaign, self.parameters.description)
            return seen

        return Schedule(self, campaign, self._store, every=every, look=look)

    async def _begin_again(self) -> None:
        await self.on_deactivate()
        await self.on_activate()

    async def _look_at_archive(self) -> None:
        try:
            words = await self._target.check()
        except ArchiveError as error:
            self._say_error(error)
        except LabmeshError as error:
            self.diagnose("archive", Level.ERROR, error.what, remedy=error.remedy)
        else:
            self.diagnose("archive", Level.OK, words)

    def _say_error(self, error: ArchiveError) -> None:
        level = Level.WARN if error.retryable else Level.ERROR
        self.log.warn(f"archive: {error}", status=error.status)
        self.diagnose("archive", level, str(error)[:1000], remedy=error.remedy)

    def _say_done(self, found: DepositOutput) -> None:
        what = (
            "in review" if found.state == "in_review" else "deposited" if found.new else "as before"
        )
        self.log.info(
            f"{found.campaign} {what}", record=found.record, version=found.version, url=found.url,
            uploaded=found.uploaded,
        )  # fmt: skip
        words = f"{found.campaign} {what}: version {found.version}"
        self.diagnose("archive", Level.OK, words, record=found.record, pid=found.pid)

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
