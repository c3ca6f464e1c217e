"""Writing the crate of a campaign."""

from __future__ import annotations

from pathlib import Path

from labmesh.crate._description import CrateDescription
from labmesh.crate._types import CrateSummary, Tell, silent
from labmesh.record import Record


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
    raise NotImplementedError
