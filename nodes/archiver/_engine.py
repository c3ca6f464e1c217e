"""The deposit: looks at what the archive has, does the next step, and so on to the end.

Nothing here relies on having been told how a step ended: whoever was killed, or lost an answer,
begins again by looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from messages.model import JsonObject
from nodes.archiver._client import InvenioClient, RemoteFile
from nodes.archiver._errors import ArchiveError, UnsureError
from nodes.archiver._review import hand_in, under_review
from nodes.archiver._state import DepositStore, InHand, Known, State
from nodes.archiver._sync import Tell, check_count, same, sync_files
from nodes.archiver._wanted import Wanted, next_version

_TRIES: Final = 6
"""Tries in a row without a step forward until a deposit is put off."""

_SETTLE: Final = (0.0, 2.0, 4.0, 8.0)
"""Wall seconds before each look for a draft whose making was not answered: an archive's index
follows its database by some seconds (OpenSearch refreshes every second, Zenodo queues)."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """How a campaign stands at the archive.

    Attributes:
        record: The archive's body of the version, or of the draft that is in review.
        files: The files it has, by name.
        before: md5 of the files of the version before, by name.
        new: Whether this very deposit made the version.
        published: False while reviewers have it.
    """

    record: JsonObject
    files: dict[str, RemoteFile]
    before: dict[str, str]
    new: bool
    published: bool


class DepositEngine:
    """Brings a campaign's record up to date, through any interruption, without a duplicate.

    Args:
        client: The archive.
        store: What is known for good.
        today: Returns the ISO date of publication.
        tell: Told how far the upload is.
        settle: Wall seconds before each look for a lost draft.
        pause: Wall seconds before the second try; each further one waits twice as long.
    """

    def __init__(
        self,
        client: InvenioClient,
        store: DepositStore,
        *,
        today: Callable[[], str],
        tell: Tell = lambda *_: None,
        settle: Sequence[float] = _SETTLE,
        pause: float = 1.0,
    ) -> None:
        self._client = client
        self._store = store
        self._today = today
        self._tell = tell
        self._settle = settle
        self._pause = pause
        self._steps = 0

    async def deposit(self, key: str, wanted: Wanted, *, by: str, former: str = "") -> Deposited:
        """Return when the archive has what is wanted, published or in review.

        Args:
            key: Under which the state is kept: campaign and archive.
            wanted: Files and metadata.
            by: Who asks: the same after a crash, another for another deposit.
            former: A published version of the campaign that the caller knows of.

        Raises:
            ArchiveError: It cannot be done now (``retryable``) or as it is.
            StoreError: The state cannot be kept.
        """
        check_count(wanted.files)
        tries, steps = 0, self._steps
        while True:
            try:
                return await self._advance(key, wanted, by, former)
            except UnsureError as error:
                tries, steps = (0 if self._steps > steps else tries + 1), self._steps
                if tries >= _TRIES:
                    raise ArchiveError(
                        f"{error.what} ({tries} tries in a row)", where=error.where,
                        remedy=error.remedy, retryable=True, status=error.status,
                    ) from error  # fmt: skip
                await asyncio.sleep(self._pause * 2 ** max(tries - 1, 0))

    async def _advance(self, key: str, wanted: Wanted, by: str, former: str) -> Deposited:
        state = self._store.read(key)
        first = state is None
        state = state or State()
        asked_before = state.hand is not None
        while True:
            if state.hand is None:
                state = await self._begin(key, state, wanted, former, first=first)
            hand = state.hand
            if hand is None:
                assert state.known is not None  # noqa: S101 - nothing in hand: there is a version
                return await self._as_it_is(state.known, by)
            if not hand.draft:
                state = await self._take_draft(key, state, wanted, lost=asked_before)
                asked_before = False
                continue
            draft = await self._client.draft(hand.draft)
            if hand.kind == "edit" and draft is None:
                # Published, or discarded by a person: to do it once more makes no version.
                state = self._written(key, state.model_copy(update={"hand": None}))
            elif draft is None or (draft.get("is_published") and hand.kind != "edit"):
                state = await self._ended(key, state, wanted, by)
            elif under_review(draft):
                files = await self._client.files(hand.draft, draft=True)
                return Deposited(draft, files, hand.before, new=False, published=False)
            else:
                state = await self._fill(key, state, draft, wanted, by)

    async def _begin(
        self, key: str, state: State, wanted: Wanted, former: str, *, first: bool
    ) -> State:
        """Compare with what is published; take a draft in hand, or none where all is as wanted."""
        known, date = state.known, self._today()
        base = known.record if known else former
        if not base and first:
            # A record of which neither the store nor the ledger knows: both may have been lost.
            found = await self._client.find(wanted.mark)
            published = [each for each in found if each.get("is_published")]
            if published:
                base = str(published[0]["id"])
            elif found:
                return self._kept(key, state, _fresh(wanted, date, str(found[0]["id"])))
        if not base:
            return self._kept(key, state, _fresh(wanted, date, ""))
        latest = await self._client.latest(base)
        record = await self._client.record(latest) if latest else None
        if latest is None or record is None:
            raise ArchiveError(
                f"the record {base} of the last deposit is not at {self._client.url} any more",
                remedy="ask the archive's operators what became of it",
            )
        files = await self._client.files(latest, draft=False)
        if known is None or known.record != latest:
            known = _known(record)
            state = state.model_copy(update={"known": known})
        whole = same(wanted.files, files)
        if whole and known.metadata in ("", wanted.metadata_sha256):
            known = known.model_copy(update={"metadata": wanted.metadata_sha256})
            return self._written(key, State(known=known))
        hand = InHand(
            kind="edit" if whole else "version", base=latest, metadata=wanted.metadata_sha256,
            version=known.version if whole else next_version(wanted.version, known.version),
            date=known.date if whole else date,
            before=known.before if whole else {name: file.md5 for name, file in files.items()},
        )  # fmt: skip
        return self._kept(key, state, hand)

    async def _take_draft(self, key: str, state: State, wanted: Wanted, *, lost: bool) -> State:
        """Have the archive make the draft in hand; find it, where it may have been made before."""
        hand = state.hand
        assert hand is not None  # noqa: S101 - who calls has looked
        if hand.kind == "edit":
            body, complaints = await self._client.edit(hand.base), ""
        elif hand.kind == "version":
            body, complaints = await self._client.new_version(hand.base), ""
        else:
            if lost:
                found = await self._find_lost(wanted.mark)
                if found is not None:
                    return self._kept(key, state, _with(hand, draft=str(found["id"])))
            payload = wanted.payload(version=hand.version, date=hand.date)
            body, complaints = await self._client.create(payload)
        state = self._kept(key, state, _with(hand, draft=str(body["id"])))
        if complaints:
            raise ArchiveError(
                f"the archive does not take the metadata: {complaints}", where="POST /records",
                remedy="correct the campaign's description file",
            )  # fmt: skip
        return state

    async def _find_lost(self, mark: str) -> JsonObject | None:
        for wait in self._settle:
            await asyncio.sleep(wait)
            if found := await self._client.find(mark):
                return found[0]
        return None

    async def _fill(
        self, key: str, state: State, draft: JsonObject, wanted: Wanted, by: str
    ) -> State:
        """Bring the draft to what is wanted and publish it, or hand it to reviewers."""
        hand, client = state.hand, self._client
        assert hand is not None  # noqa: S101 - who calls has looked
        if hand.metadata != wanted.metadata_sha256:
            hand = _with(hand, metadata=wanted.metadata_sha256)
            state = self._kept(key, state, hand)
        if hand.kind == "version" and not await client.files(hand.draft, draft=True):
            await client.import_files(hand.draft)
        if hand.kind != "edit":
            await sync_files(client, hand.draft, wanted.files, tell=self._tell, moved=self._moved)
        # After the files: of a draft without any the archive complains that they are missing.
        await client.put(hand.draft, wanted.payload(version=hand.version, date=hand.date))
        if wanted.community and hand.kind == "new":
            return await hand_in(
                client, hand, draft, wanted, lambda new: self._kept(key, state, new)
            )
        if await client.publish(hand.draft) is None:
            raise UnsureError("there is no such draft to publish", where=hand.draft)
        return await self._ended(key, state, wanted, by)

    async def _ended(self, key: str, state: State, wanted: Wanted, by: str) -> State:
        """Find out how a draft that is no more has ended, and write that down."""
        hand = state.hand
        assert hand is not None  # noqa: S101 - who calls has looked
        record = await self._client.record(hand.draft)
        if record is None:
            # Deleted by hand, or by the archive, which clears away what was left unpublished.
            return self._written(key, state.model_copy(update={"hand": None}))
        if hand.kind == "new":
            await self._sweep(record, wanted.mark)
        maker = state.known.by if hand.kind == "edit" and state.known else by
        known = Known(
            record=hand.draft, version=hand.version, date=hand.date, metadata=hand.metadata,
            before=hand.before, by=maker,
        )  # fmt: skip
        return self._written(key, State(known=known))

    async def _sweep(self, record: JsonObject, mark: str) -> None:
        """Delete other drafts of the campaign: their making was not answered, or happened twice."""
        parent = (record.get("parent") or {}).get("id")
        for found in await self._client.find(mark):
            other = (found.get("parent") or {}).get("id") != parent
            if other and not found.get("is_published"):
                await self._client.delete_draft(str(found["id"]))

    async def _as_it_is(self, known: Known, by: str) -> Deposited:
        record = await self._client.record(known.record)
        if record is None:
            raise UnsureError("the record was there a moment ago", where=known.record)
        files = await self._client.files(known.record, draft=False)
        return Deposited(record, files, known.before, new=known.by == by, published=True)

    def _kept(self, key: str, state: State, hand: InHand) -> State:
        return self._written(key, state.model_copy(update={"hand": hand}))

    def _written(self, key: str, state: State) -> State:
        self._store.write(key, state)
        return state

    def _moved(self) -> None:
        self._steps += 1


def _fresh(wanted: Wanted, date: str, draft: str) -> InHand:
    return InHand(
        kind="new", draft=draft, version=wanted.version, date=date,
        metadata=wanted.metadata_sha256,
    )  # fmt: skip


def _with(hand: InHand, **changes: object) -> InHand:
    return hand.model_copy(update=changes)


def _known(record: JsonObject) -> Known:
    """Return what the archive says of a version that this archiver did not make, or forgot."""
    metadata = record.get("metadata") or {}
    return Known(
        record=str(record["id"]),
        version=str(metadata.get("version", "")),
        date=str(metadata.get("publication_date", "")),
    )
