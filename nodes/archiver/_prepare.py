"""From the record to what is deposited. Imported when a deposit begins: it needs rdflib."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import UUID, uuid5

from labmesh.crate import (
    CrateDescription,
    CrateSummary,
    campaign_head,
    read_description,
    write_crate,
)
from labmesh.record import Record
from messages.errors import LabmeshError

_NAMESPACE: Final = UUID("7c3f2a04-5d0c-5a6e-9b61-2b8f5f1f6a70")

Tell = Callable[[int, int], None]


def described(where: str, campaign: str) -> CrateDescription:
    """Return what a person says about a campaign's crate.

    Args:
        where: A YAML file, or a folder with ``CAMPAIGN.yaml``; empty for nothing.
        campaign: Its name.

    Raises:
        ConfigurationError: It cannot be read, or says something that cannot be.
    """
    file = description_file(where, campaign)
    return read_description(file) if file is not None else CrateDescription()


def description_file(where: str, campaign: str) -> Path | None:
    """Return the file of a campaign's description, None where nothing is said."""
    if not where:
        return None
    path = Path(where)
    if not path.is_dir():
        return path
    file = path / f"{campaign}.yaml"
    return file if file.exists() else None


def folder_name(campaign: str) -> str:
    """Return a campaign's name as one that any file system takes."""
    name = quote(campaign, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


async def mark_of(record: Record, campaign: str) -> str:
    """Return the identifier that all of a campaign's records bear: a URN.

    The same for the same campaign of the same ledger, whoever asks and whenever.

    Raises:
        LabmeshError: The ledger is empty, or cannot be read.
    """
    async for entry in record.entries(0, 0):
        return f"urn:uuid:{uuid5(_NAMESPACE, f'{entry.hash.hex()} {campaign}')}"
    raise LabmeshError("the ledger is empty")


async def written(
    record: Record, campaign: str, target: Path, said: CrateDescription, tell: Tell
) -> CrateSummary:
    """Write a campaign's crate; errors as `labmesh.crate.write_crate`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return await write_crate(record, campaign, target, said, tell=tell)


async def seen_of(record: Record, campaign: str, where: str) -> str:
    """Return a digest that changes with what a campaign's crate would hold.

    Raises:
        ConfigurationError: The ledger knows no such campaign.
        LabmeshError: It is confidential, or the ledger cannot be read.
    """
    _, head = await campaign_head(record, campaign)
    file = description_file(where, campaign)
    said = file.read_bytes() if file is not None else b""
    return hashlib.sha256(head + said).hexdigest()
