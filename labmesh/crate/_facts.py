"""What is said of a crate as a whole: by the person where it says something, else by the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from labmesh.access import Access
from labmesh.crate._description import CrateDescription
from labmesh.crate._plain import when
from labmesh.record import JournalEntry
from messages.access import day_of
from messages.ledger import EntryKind


@dataclass(slots=True)
class Tally:
    """Counts what the campaign did.

    Attributes:
        quantities: Its resolved results by quantity and method.
        failed: Results that failed.
        requests: Its requests.
        sites: Where it was done.
        simulated: Results without a real instrument.
        first: When it began, ns UTC by its authors' clocks.
        last: When it ended.
    """

    quantities: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: int = 0
    requests: int = 0
    simulated: int = 0
    sites: set[str] = field(default_factory=set)
    samples: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None

    def take(self, entry: JournalEntry) -> None:
        """Take an entry of the campaign."""
        body = entry.body or {}
        self.first = entry.stamp if self.first is None else min(self.first, entry.stamp)
        self.last = entry.stamp if self.last is None else max(self.last, entry.stamp)
        self.sites.add(entry.author.partition("/")[0])
        if entry.kind is EntryKind.REQUEST:
            self.requests += 1
        elif entry.kind is EntryKind.SAMPLE:
            self.samples.add(str(body["sample"]))
        elif entry.kind is EntryKind.RESULT:
            if body["outcome"] == "failed":
                self.failed += 1
            else:
                self.quantities[body["quantity"], body["method"]] += 1
            self.simulated += bool((body.get("provenance") or {}).get("simulated"))

    def words(self, campaign: str) -> str:
        """Return the campaign in words."""
        kinds = ", ".join(
            f"{count} {quantity} by {method}"
            for (quantity, method), count in sorted(self.quantities.items())
        )
        text = (
            f"Campaign {campaign} of an autonomous laboratory (site {', '.join(sorted(self.sites))}"
            f"), {when(self.first)} to {when(self.last)}: {self.requests} requests, "
            f"{sum(self.quantities.values())} results ({kinds}), {self.failed} failed, "
            f"{len(self.samples)} samples."
        )
        if self.simulated:
            text += f" {self.simulated} of the results come from simulated instruments or models."
        return text


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of a crate as a whole.

    Attributes:
        title: Its title.
        description: What it holds.
        published: Day of its last entry.
        version: Calendar version of that day and entry, unless the person gives another.
        retain_until: Until when it is kept at least.
        access: ``public`` or ``restricted``.
        embargo_until: First day on which files may be had; empty without an embargo.
        embargo_reason: Why.
        contact: Whom to ask; empty where nobody is named.
        owner: Who holds the rights; empty where nobody is named.
    """

    title: str
    description: str
    published: str
    version: str
    retain_until: str
    access: str
    embargo_until: str
    embargo_reason: str
    contact: str
    owner: str

    @property
    def conditions(self) -> str:
        """On what conditions files may be had, in words."""
        ask = f"; ask {self.contact}" if self.contact else ""
        text = "public" if self.access == "public" else f"metadata public, files on request{ask}"
        if self.embargo_until:
            text += f"; files under embargo until {self.embargo_until}: {self.embargo_reason}{ask}"
        return text


def facts(
    said: CrateDescription, campaign: str, tally: Tally, last: JournalEntry, access: Access
) -> Facts:
    """Return what is said of a crate; the stricter of description and ledger counts."""
    day = day_of(last.load_time)
    until, reason = _embargo(said, access)
    contact = access.contact
    if said.contact is not None:
        contact = f"{said.contact.name} <{said.contact.email}>" if said.contact.email else (
            said.contact.name
        )  # fmt: skip
    restricted = said.access == "restricted" or access.level.rank > 0
    return Facts(
        title=said.title or f"Campaign {campaign}",
        description=said.description or tally.words(campaign),
        published=day.isoformat(),
        version=said.version or f"{day.year}.{day.month}.{day.day}+{last.offset}",
        retain_until=_years_later(day, said.retain_years).isoformat(),
        access="restricted" if restricted else "public",
        embargo_until=until,
        embargo_reason=reason,
        contact=contact,
        owner=said.rights_holder.name if said.rights_holder else access.owner,
    )


def strictest(one: Access, other: Access) -> Access:
    """Return the stricter level and the longer embargo of two; whom to ask for the stricter."""
    first, second = (one, other) if one.level.rank >= other.level.rank else (other, one)
    embargoes = [each.embargo for each in (one, other) if each.embargo is not None]
    return Access(
        level=first.level,
        embargo=max(embargoes, key=lambda each: (each.until, each.reason), default=None),
        contact=first.contact or second.contact,
        owner=one.owner or other.owner,
    )


def _embargo(said: CrateDescription, access: Access) -> tuple[str, str]:
    found = []
    if said.embargo is not None:
        found.append((said.embargo.until.isoformat(), said.embargo.reason))
    if access.embargo is not None:
        found.append((access.embargo.until, access.embargo.reason))
    return max(found, default=("", ""))


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, month=3, day=1)
