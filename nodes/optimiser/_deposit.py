"""The last thing a campaign asks for: that what it has learnt is archived."""

from __future__ import annotations

from labmesh.client import LabClient
from messages.archive import DEPOSIT, DepositInput, DepositOutput
from messages.errors import LabmeshError


async def deposit(lab: LabClient, campaign: str) -> str:
    """Have a campaign archived by whoever offers it; return where it is, in words.

    A campaign that could not be archived is not a failed one: the words say why, and what to do.
    """
    try:
        result = await lab.request(*DEPOSIT, DepositInput(campaign=campaign))
        found = DepositOutput.model_validate(result.data)
    except (LabmeshError, ValueError) as error:
        return f"not archived: {error}; again by: labmesh archive deposit {campaign}"
    state = "" if found.state == "published" else ", waits for its community"
    new = "" if found.new else ", nothing new since"
    name = found.pid or found.record
    return f"archive: {found.url or found.archive} ({name}, version {found.version}{new}{state})"
