"""A campaign as notebooks tell it: its samples with their states, and what was done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from labmesh.access import Access, AccessBook
from labmesh.record import JournalEntry, Record
from messages.errors import ConfigurationError
from messages.ledger import ArtifactRef, EntryKind, ResultStatus
from messages.model import JsonObject

Tell = Callable[[int, int], None]
"""Takes how much has been done, and of how much."""

_MADE_OF: Final = (
    EntryKind.REQUEST, EntryKind.RESULT, EntryKind.SAMPLE, EntryKind.CAPABILITY,
    EntryKind.RESULT_STATUS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """A result of the campaign, or one that made a state of one of its samples.

    Attributes:
        entry: Its entry.
        body: Its body; never that of a confidential one.
        about: Samples that it made, changed or names.
        access: Who may have it.
        files: Its artifacts; empty where they may not be had by everybody.
    """

    entry: JournalEntry
    body: JsonObject
    about: tuple[str, ...]
    access: Access
    files: tuple[ArtifactRef, ...]

    @property
    def id(self) -> str:
        """Its uuid."""
        return str(self.entry.uuid)

    @property
    def capability(self) -> tuple[str, str]:
        """Quantity and method."""
        return self.body["quantity"], self.body["method"]

    @property
    def begun(self) -> int:
        """When the work began, ns UTC by the author's clock; else when the result was told."""
        return int(self.body["provenance"].get("begun") or self.entry.stamp)

    @property
    def ended(self) -> int:
        """When the work ended; else when the result was told."""
        return int(self.body["provenance"].get("ended") or self.entry.stamp)

    @property
    def simulated(self) -> bool:
        """Whether no real instrument was involved."""
        return bool(self.body["provenance"].get("simulated"))

    @property
    def withheld_files(self) -> int:
        """How many artifacts it has that not everybody may have."""
        return len(self.body["artifacts"]) - len(self.files)


@dataclass(frozen=True, slots=True)
class State:
    """One state of a sample: see `messages.ledger.SampleState`."""

    index: int
    label: str
    at: int
    location: str
    properties: JsonObject
    result: str
    entry: JournalEntry


@dataclass(slots=True)
class Sample:
    """A sample and all its states, by index."""

    id: str
    kind: str
    parents: tuple[str, ...]
    states: list[State] = field(default_factory=list)
    access: Access = field(default_factory=Access)

    @property
    def simulated(self) -> bool:
        """Whether it says of itself that it does not exist."""
        return any(state.properties.get("simulated") for state in self.states)


@dataclass(slots=True)
class Story:
    """A campaign, without what is confidential.

    Attributes:
        campaign: Its name.
        samples: Its samples and all that they were made of, parents before children.
        results: What was done, in the ledger's order.
        schemas: Of capabilities, by quantity and method: of parameters and of data.
        capabilities: Their entries, in the ledger's order.
        withheld: How many of its samples and results are confidential and left out.
        ended: When its last result was told, ns UTC by its author's clock.
        access: Who may have the campaign.
    """

    campaign: str
    samples: dict[str, Sample]
    results: dict[str, Result]
    schemas: dict[tuple[str, str], tuple[JsonObject, JsonObject]]
    capabilities: list[JournalEntry]
    withheld: int = 0
    ended: int = 0
    access: Access = field(default_factory=Access)

    @property
    def restricted(self) -> int:
        """How many results have files that were left out."""
        return sum(result.withheld_files > 0 for result in self.results.values())

    def of_sample(self, sample: str) -> list[Result]:
        """Return the results that are about a sample, in the ledger's order."""
        return [result for result in self.results.values() if sample in result.about]


async def read_story(
    record: Record, campaign: str, tell: Tell = lambda _done, _total: None
) -> Story:
    """Read a campaign from a ledger; two passes, so that no more than it needs is kept.

    Raises:
        ConfigurationError: Nothing of that campaign is in the ledger.
        LabmeshError: The campaign is confidential, or the ledger cannot be read.
    """
    last, _ = await record.head()
    book, outline = AccessBook(), _Outline(campaign)
    async for entry in record.entries(until=last, kinds=_MADE_OF):
        book.take(entry)
        outline.take(entry)
        tell(entry.offset, 2 * last)
    outline.end()
    story = Story(campaign, {}, {}, {}, [], access=book.of_campaign(campaign))
    if story.access.confidential:
        raise ConfigurationError(
            f"campaign {campaign} is confidential: it does not leave the site",
            remedy="see `labmesh access show`; only who declared it can change that",
        )
    kinds = (EntryKind.RESULT, EntryKind.SAMPLE, EntryKind.CAPABILITY)
    async for entry in record.entries(until=last, kinds=kinds):
        _add(story, outline, book, entry)
        tell(last + entry.offset, 2 * last)
    if not story.results and not story.withheld:
        raise ConfigurationError(
            f"campaign {campaign} has no results in this ledger",
            remedy="labmesh campaign list shows which there are",
        )
    names = set(story.samples)
    for result in list(story.results.values()):
        if set(result.about) - names:
            kept = tuple(each for each in result.about if each in names)
            story.results[result.id] = Result(
                result.entry, result.body, kept, result.access, result.files
            )
    return story


class _Outline:
    """What belongs to a campaign, by ids alone."""

    def __init__(self, campaign: str) -> None:
        self._campaign = campaign
        self._makers: dict[str, set[str]] = {}
        """Of each sample the results that made its states."""
        self._parents: dict[str, tuple[str, ...]] = {}
        self._of: dict[str, str | None] = {}
        """Of each result its campaign."""
        self._requests: set[str] = set()
        self._gone: set[str] = set()
        self.samples: set[str] = set()
        self.results: set[str] = set()

    def take(self, entry: JournalEntry) -> None:
        """Note an entry, in the ledger's order."""
        body, uuid = entry.body, str(entry.uuid)
        if body is None:
            return
        if entry.kind is EntryKind.REQUEST and body.get("campaign") == self._campaign:
            self._requests.add(uuid)
        elif entry.kind is EntryKind.RESULT:
            mine = body.get("request") in self._requests
            self._of[uuid] = self._campaign if mine else body.get("campaign")
        elif entry.kind is EntryKind.SAMPLE:
            self._makers.setdefault(body["sample"], set()).add(str(body["result"]))
            if body["state"] == 0:
                self._parents[body["sample"]] = tuple(body["parents"])
        elif entry.kind is EntryKind.RESULT_STATUS:
            deleted = body["status"] == ResultStatus.DELETED
            (self._gone.add if deleted else self._gone.discard)(str(body["result"]))

    def end(self) -> None:
        """Find out what belongs to the campaign."""
        own = {each for each, whose in self._of.items() if whose == self._campaign}
        todo = [sample for sample, makers in self._makers.items() if makers & own]
        while todo:
            sample = todo.pop()
            if sample not in self.samples:
                self.samples.add(sample)
                todo += self._parents.get(sample, ())
        made = {maker for each in self.samples for maker in self._makers.get(each, ())}
        nobodys = {each for each in made if self._of.get(each) is None}
        self.results = (own | nobodys) - self._gone


def _add(story: Story, outline: _Outline, book: AccessBook, entry: JournalEntry) -> None:
    body = entry.body
    if entry.kind is EntryKind.CAPABILITY and body is not None:
        key = (body["quantity"], body["method"])
        story.schemas[key] = (body["parameters_schema"], body["result_schema"])
        story.capabilities.append(entry)
    elif entry.kind is EntryKind.SAMPLE and body is not None:
        if body["sample"] in outline.samples:
            _add_state(story, book, entry, body)
    elif entry.kind is EntryKind.RESULT and str(entry.uuid) in outline.results:
        access = book.of(entry)
        if body is None or access.confidential:
            story.withheld += 1
            return
        files = tuple(ArtifactRef.model_validate(each) for each in body["artifacts"])
        open_files = tuple(
            each for each in files if access.files_open() and book.of_artifact(
                each.sha256).files_open()
        )  # fmt: skip
        about = tuple(dict.fromkeys(_named(body, outline.samples)))
        story.results[str(entry.uuid)] = Result(entry, body, about, access, open_files)
        story.ended = max(story.ended, entry.stamp)


def _add_state(story: Story, book: AccessBook, entry: JournalEntry, body: JsonObject) -> None:
    name = body["sample"]
    access = book.of_sample(name)
    if access.confidential or book.of(entry).confidential:
        story.withheld += body["state"] == 0
        return
    if name not in story.samples:
        parents = tuple(each for each in body["parents"] if each in story.samples)
        story.samples[name] = Sample(name, body["kind"], parents, access=access)
    story.samples[name].states.append(
        State(
            body["state"], body["label"], body["at"], body["location"], body["properties"],
            str(body["result"]), entry,
        )
    )  # fmt: skip


def _named(body: JsonObject, samples: set[str]) -> Iterator[str]:
    """Yield the samples that a result steps on, and those its parameters or data name."""
    yield from (step["sample"] for step in body["samples"] if step["sample"] in samples)
    for text in (*_texts(body["parameters"]), *_texts(body["data"])):
        if text in samples:
            yield text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
