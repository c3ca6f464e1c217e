"""What of a ledger belongs into the crate of a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from labmesh.crate._belongs import Belongs
from labmesh.crate._lines import Lines
from labmesh.crate._outcomes import Outcomes
from labmesh.crate._types import SEGMENT
from labmesh.record import JournalEntry, Record
from messages.access import DECLARATION
from messages.errors import ConfigurationError, LabmeshError
from messages.ledger import EntryKind

if TYPE_CHECKING:
    from labmesh.access import AccessBook

Reason = Literal["other_campaign", "confidential"]

ABOUT_ITSELF: Final = frozenset({"archive", "eln"})
"""Quantities of requests that carry a campaign elsewhere: with them it would never be finished."""


class Selection:
    """What of a ledger belongs into a crate; made by reading the whole ledger once.

    An entry is told by the campaign it belongs to. Of the campaign's own and of those of no
    campaign at all the body goes along, and of others those that made the campaign's samples. A
    segment goes along if it holds something of the campaign, or what it rests on: what made its
    samples, results that nobody ordered (stock solutions, protocols, training), capabilities.

    Attributes:
        campaign: Its name.
        until: Offset of the campaign's last entry, the last that the crate covers.
        head: Hash of that entry.
        access: Who may have what.
        outcomes: What became of requests and results.
    """

    def __init__(self, campaign: str, access: AccessBook) -> None:
        self.campaign = campaign
        self.access = access
        self.until = -1
        self.head = b""
        self.lines = Lines()
        self.outcomes = Outcomes(lambda result: access.of_result(result).confidential)
        self._belongs = Belongs()
        self._other: set[int] = set()
        self._own: set[int] = set()
        self._rests_on: set[int] = set()
        self._own_results: set[str] = set()
        self._itself: set[str] = set()
        self._aside: set[int] = set()

    def take(self, entry: JournalEntry) -> None:
        """Take the next entry of the ledger."""
        self.access.take(entry)
        self.outcomes.take(entry)
        campaign = self._belongs.campaign_of(entry)
        own = campaign == self.campaign
        if campaign is not None and not own:
            self._other.add(entry.offset)
        self.lines.take(entry, own=own)
        if own and entry.kind is EntryKind.RESULT:
            self._own_results.add(str(entry.uuid))
        concerns = self._concerns(entry)
        if self._about_itself(entry) or (_is_access(entry) and not concerns):
            self._aside.add(entry.offset)
            return
        if own:
            self._own.add(entry.offset)
        elif campaign is None and self._is_ground(entry):
            self._rests_on.add(entry.offset)
        if own or concerns:
            self.until, self.head = entry.offset, entry.hash

    def own(self, offset: int) -> bool:
        """Tell whether an entry is the campaign's own."""
        return offset in self._own

    def aside(self, offset: int) -> bool:
        """Tell whether an entry is no content of the crate, though it may stand in a segment.

        It is about carrying campaigns elsewhere, or says who may have something that is none of
        this campaign's.
        """
        return offset in self._aside

    def withheld(self, entry: JournalEntry) -> Reason | None:
        """Return why an entry's body stays behind, None if it goes along."""
        if entry.body is None or not self.access.may_leave(entry):
            return "confidential"
        if entry.offset in self._other and not self._made_samples(entry.offset):
            return "other_campaign"
        return None

    def late(self, entry: JournalEntry) -> bool:
        """Tell whether an entry came to matter only after its segment was full.

        A sealed segment never changes: such a body stands in a file of its own.
        """
        sealed = (entry.offset // SEGMENT + 1) * SEGMENT
        return entry.offset in self._other and self.lines.since.get(entry.offset, -1) >= sealed

    def segments(self) -> list[int]:
        """Return the numbers of the segments that go along."""
        made = filter(self._made_samples, self.lines.since)
        mattering = {*self._own, *self._rests_on, *made}
        return sorted({offset // SEGMENT for offset in mattering if offset <= self.until})

    def _made_samples(self, offset: int) -> bool:
        since = self.lines.since.get(offset)
        return since is not None and since <= self.until

    def _is_ground(self, entry: JournalEntry) -> bool:
        if entry.kind is EntryKind.RESULT:
            return (entry.body or {}).get("request") is None
        return entry.kind is EntryKind.CAPABILITY

    def _about_itself(self, entry: JournalEntry) -> bool:
        """Tell whether an entry carries a campaign elsewhere; to be asked in the ledger's order."""
        body = entry.body or {}
        if "quantity" in body:
            found = body["quantity"] in ABOUT_ITSELF
            if found:
                self._itself.add(str(entry.uuid))
            return found
        return str(body.get("request") or body.get("result")) in self._itself

    def _concerns(self, entry: JournalEntry) -> bool:
        """Tell whether an entry of no campaign is about this one's samples or access."""
        body = entry.body or {}
        if entry.kind is EntryKind.SAMPLE:
            return entry.offset not in self._other and self.lines.touched(str(body.get("sample")))
        if _is_access(entry):
            name = (body.get("parameters") or {}).get("name")
            return (
                name == self.campaign or self.lines.touched(str(name)) or name in self._own_results
            )
        return False

    def refuse(self) -> None:
        """Refuse a campaign that has no crate.

        Raises:
            ConfigurationError: The ledger knows no such campaign.
            LabmeshError: It is confidential.
        """
        if self.until < 0 or not self._own:
            known = ", ".join(self._belongs.campaigns()[:20]) or "none"
            raise ConfigurationError(
                f"the ledger knows no campaign {self.campaign!r}", remedy=f"it knows {known}"
            )
        if self.access.of_campaign(self.campaign).confidential:
            raise LabmeshError(
                f"campaign {self.campaign} is confidential: nothing of it may leave the site",
                remedy="to change that, declare it: labmesh access --help",
            )


def _is_access(entry: JournalEntry) -> bool:
    body = entry.body or {}
    return entry.kind is EntryKind.RESULT and body.get("quantity") == DECLARATION[0]


async def select(record: Record, campaign: str) -> Selection:
    """Read the ledger once and return what of it belongs into the campaign's crate.

    Raises:
        ConfigurationError: The ledger knows no such campaign.
        LabmeshError: It is confidential, or the ledger cannot be read.
    """
    from labmesh.access import AccessBook  # noqa: PLC0415

    chosen = Selection(campaign, AccessBook())
    async for entry in record.entries():
        chosen.take(entry)
    chosen.refuse()
    return chosen
