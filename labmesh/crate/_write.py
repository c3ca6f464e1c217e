"""Writing the crate of a campaign."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from labmesh.crate._data import DataFolder
from labmesh.crate._database import Database
from labmesh.crate._deeds import Deed
from labmesh.crate._description import CrateDescription
from labmesh.crate._facts import Facts, Tally, facts, strictest
from labmesh.crate._folder import Workplace, workplace
from labmesh.crate._graph import GraphFile
from labmesh.crate._keywords import keywords
from labmesh.crate._licences import licences
from labmesh.crate._metadata import Contents, metadata
from labmesh.crate._readme import readme
from labmesh.crate._segments import ADDED, Segment, compressed, same_content
from labmesh.crate._selection import Selection, select
from labmesh.crate._tables import Tables
from labmesh.crate._types import (
    DATABASE,
    GRAPH,
    METADATA,
    README,
    SEGMENT,
    TERMS,
    CrateSummary,
    Tell,
    segment_name,
    silent,
)
from labmesh.record import JournalEntry, Record
from messages.access import OPEN, Access
from messages.errors import LabmeshError
from messages.ledger import EntryKind


async def write_crate(
    record: Record,
    campaign: str,
    target: Path,
    description: CrateDescription,
    *,
    tell: Tell = silent,
) -> CrateSummary:
    """Write the crate of ``campaign`` into the folder ``target``.

    The folder is there whole or not at all, or as it was before; killed at any moment, the next
    call tidies up. The same record and description give the same bytes, whenever it is called. What
    did not change is kept from the crate that was there before.

    Args:
        record: Where everything comes from.
        campaign: Its name.
        target: The folder; a crate of the same campaign in it is replaced.
        description: What a person says.
        tell: Told of the progress.

    Raises:
        ConfigurationError: There is no such campaign, the folder holds something else, or it cannot
            be made.
        LabmeshError: The campaign is confidential, the record is damaged, or another process
            writes the same crate.
    """
    chosen = await select(record, campaign)
    with workplace(target) as place:
        writer = _Writer(record, chosen, place, description)
        try:
            await writer.entries(tell)
            return await asyncio.to_thread(writer.finish)
        finally:
            writer.release()


@dataclass(slots=True)
class _Writer:
    record: Record
    chosen: Selection
    place: Workplace
    said: CrateDescription
    tally: Tally = field(default_factory=Tally)
    deeds: list[Deed] = field(default_factory=list)
    withheld: Counter[str] = field(default_factory=Counter)
    bodies: int = 0
    access: Access = OPEN
    _data: DataFolder = field(init=False)
    _tables: Tables = field(init=False)
    _database: Database = field(init=False)
    _graph: GraphFile = field(init=False)
    _added: Segment = field(init=False)
    _last: JournalEntry | None = None

    def __post_init__(self) -> None:
        chosen, place = self.chosen, self.place
        self._data = DataFolder(self.record, place, chosen)
        self._tables = Tables(place.part, chosen.outcomes, chosen.until)
        self._database = Database(place.file(DATABASE), chosen.outcomes, chosen.until)
        self._graph = GraphFile(place.file(GRAPH))
        self._added = Segment(0)

    async def entries(self, tell: Tell) -> None:
        """Write everything that follows from the entries."""
        numbers, until = self.chosen.segments(), self.chosen.until
        for count, number in enumerate(numbers):
            first = number * SEGMENT
            segment = Segment(first)
            async for entry in self.record.entries(first, min(first + SEGMENT - 1, until)):
                await self._take(entry, segment)
                if entry.offset % 50 == 0:
                    tell(count * SEGMENT + entry.offset - first, len(numbers) * SEGMENT)
            self._write(segment_name(number), segment)
        if self._added.count:
            self._write(ADDED, self._added)
        for each in (self._tables, self._graph):
            await asyncio.to_thread(each.close)
        tell(len(numbers) * SEGMENT, len(numbers) * SEGMENT)

    async def _take(self, entry: JournalEntry, segment: Segment) -> None:
        reason = self.chosen.withheld(entry)
        late = reason is None and self.chosen.late(entry)
        segment.take(entry, "other_campaign" if late else reason)
        if late:
            self._added.take(entry, None)
        self._database.header(entry, reason)
        self._last = entry
        if reason is not None:
            self.withheld[reason] += 1
            return
        self.bodies += 1
        # Files go as a whole: one restricted result restricts all of them.
        self.access = strictest(self.access, self.chosen.access.of(entry))
        if self.chosen.aside(entry.offset):
            return
        artifacts = await self._data.take(entry) if entry.kind is EntryKind.RESULT else []
        await asyncio.to_thread(self._tell_of, entry, artifacts)

    def _tell_of(self, entry: JournalEntry, artifacts: list[dict[str, object]]) -> None:
        self._tables.take(entry, artifacts)
        self._database.take(entry, artifacts)
        own = self.chosen.own(entry.offset)
        self._graph.take(entry, own=own)
        if entry.kind is EntryKind.RESULT:
            self.deeds.append(Deed.of(entry))
        if own:
            self.tally.take(entry)

    def _write(self, name: str, segment: Segment) -> None:
        content = segment.packed()
        before = self.place.target / name
        # Another version of zlib may pack the same content into other bytes: what is sealed stays.
        if same_content(before, content):
            self.place.file(name).write_bytes(before.read_bytes())
        else:
            self.place.write(name, compressed(content))

    def release(self) -> None:
        """Let go of files that are still open because something failed."""
        for each in (self._tables, self._database, self._graph):
            each.release()

    def finish(self) -> CrateSummary:
        """Write what speaks of all of it, and put the crate where it belongs."""
        chosen, last = self.chosen, self._last
        if last is None or last.offset != chosen.until or last.hash != chosen.head:
            raise LabmeshError(
                "the ledger changed while it was read", remedy="write the crate again"
            )
        access = strictest(chosen.access.of_campaign(chosen.campaign), self.access)
        found = facts(self.said, chosen.campaign, self.tally, last, access)
        words = keywords(self._graph.types, self.said)
        withheld = dict(sorted(self.withheld.items()))
        self._about(found, withheld)
        contents = Contents(
            chosen.campaign, self.said, found, self.tally, last, words, self.deeds,
            self._data.files, self._data.missing, withheld, self.place.settled(),
        )  # fmt: skip
        self.place.write(METADATA, metadata(contents))
        files = self.place.finish()
        return CrateSummary(
            path=self.place.target, campaign=chosen.campaign, title=found.title,
            version=found.version, published=found.published, retain_until=found.retain_until,
            head=(last.offset, last.hash), access=found.access, entries=self.bodies,
            withheld=withheld, files=tuple(files), missing=tuple(sorted(self._data.missing)),
            keywords=words, description=found.description, contact=found.contact,
            embargo_until=found.embargo_until, embargo_reason=found.embargo_reason,
        )  # fmt: skip

    def _about(self, found: Facts, withheld: dict[str, int]) -> None:
        from labmesh.semantics import excerpt  # noqa: PLC0415

        licence = licences()[self.said.licence]
        self._database.about(
            {
                "campaign": self.chosen.campaign, "title": found.title,
                "description": found.description, "licence": licence.id, "access": found.access,
                "published": found.published, "version": found.version,
                "retain_until": found.retain_until, "head_offset": str(self.chosen.until),
                "head_hash": self.chosen.head.hex(),
            }
        )  # fmt: skip
        self._database.close()
        tables = [each for each in self._data.files if each.path.endswith(".csv.gz")]
        example = (tables[0].made_from, tables[0].path) if tables and tables[0].made_from else None
        words = f"Licence: [{licence.name}]({licence.url})"
        self.place.write(TERMS, excerpt(self._graph.all_types))
        sources = sorted({each.source.words for each in self.deeds if each.source})
        self.place.write(README, readme(found, words, example, withheld, sources))
