"""All checks of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from labmesh.crate import CrateDescription
from labmesh.fair._types import Answer
from labmesh.record import Record

Tell = Callable[[int, int], None]


async def check_fair(
    record: Record,
    campaign: str,
    *,
    scratch: Path,
    description: CrateDescription | None = None,
    only: Collection[int] = (),
    tell: Tell = lambda _done, _total: None,
) -> tuple[Answer, ...]:
    """Return what holds of the 28 requirements for a campaign, by number.

    Args:
        record: Its ledger.
        campaign: Its name.
        scratch: An empty folder, for a crate and a copy of the ledger.
        description: What a person says of the crate; by default nothing.
        only: Numbers of requirements; all by default.
        tell: Told of the progress.

    Raises:
        ConfigurationError: The record has no such campaign.
    """
    raise NotImplementedError
