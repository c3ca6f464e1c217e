"""How far a campaign's crate would reach now, without writing one."""

from __future__ import annotations

from labmesh.crate._selection import select
from labmesh.record import Record


async def campaign_head(record: Record, campaign: str) -> tuple[int, bytes]:
    """Return offset and hash of the last entry that a crate of ``campaign`` covers.

    Deposits of the campaign do not count, so that it changes only when there is something new.

    Raises:
        ConfigurationError: The ledger knows no such campaign.
        LabmeshError: It is confidential, or the ledger cannot be read.
    """
    chosen = await select(record, campaign)
    return chosen.until, chosen.head
