"""Drafts that a community's reviewers publish (BIG-MAP Archive: there is no other way)."""

from __future__ import annotations

from collections.abc import Callable

from messages.model import JsonObject
from nodes.archiver._client import InvenioClient
from nodes.archiver._errors import ArchiveError
from nodes.archiver._state import InHand, State
from nodes.archiver._wanted import Wanted, digest_of


def under_review(draft: JsonObject) -> bool:
    """Return whether reviewers have a draft: then it is left as they got it."""
    return draft.get("status") == "in_review"


async def hand_in(
    client: InvenioClient,
    hand: InHand,
    draft: JsonObject,
    wanted: Wanted,
    keep: Callable[[InHand], State],
) -> State:
    """Hand a draft to a community's reviewers; return the state with that written down.

    Only the first version goes this way: a record that a community has accepted is in it, and its
    next versions are published.

    Raises:
        ArchiveError: They have declined the very same before.
    """
    content = digest_of([wanted.content_sha256, wanted.metadata_sha256])
    if draft.get("status") == "declined" and hand.submitted == content:
        raise ArchiveError(
            f"the reviewers of {wanted.community} have declined this record",
            where=hand.draft,
            remedy="read their words at the archive; change the description or the data, and it "
            "is handed in again",
        )
    community = await client.community(wanted.community)
    await client.set_review(hand.draft, community)
    state = keep(hand.model_copy(update={"submitted": content}))
    await client.submit_review(hand.draft, "<p>Deposited by the archiver of the laboratory.</p>")
    return state
