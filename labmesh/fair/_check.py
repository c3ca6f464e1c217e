"""All checks of a campaign."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import Final

from labmesh.crate import CrateDescription, crate_record, write_crate
from labmesh.fair._case import Case, read_case
from labmesh.fair._copy import restore, write_portable
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import CHECKS, Found
from labmesh.fair._requirements import REQUIREMENTS
from labmesh.fair._types import Answer, Requirement
from labmesh.record import Record
from messages.errors import LabmeshError

for _part in ("_metadata", "_materials", "_models", "_rights", "_keeping"):
    import_module(f"labmesh.fair.{_part}")  # each adds its checks

Tell = Callable[[int, int], None]

_OF_THE_CRATE: Final = frozenset({5, 6, 10, 11, 20, 21, 22, 23, 26, 28})
_OF_THE_COPY: Final = frozenset({26, 27})


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
    numbers = sorted(only or CHECKS)
    exhibit = await show(record, campaign, numbers, scratch, description, tell)
    return await asyncio.to_thread(judge, exhibit, numbers, tell)


async def show(
    record: Record,
    campaign: str,
    numbers: Collection[int],
    scratch: Path,
    description: CrateDescription | None,
    tell: Tell = lambda _done, _total: None,
) -> Exhibit:
    """Return what the checks of some numbers look at."""
    case = await read_case(record, campaign, tell)
    exhibit = Exhibit(case, description or CrateDescription())
    if _OF_THE_CRATE & set(numbers):
        try:
            exhibit.summary = await write_crate(
                record, campaign, scratch / "crate", exhibit.description, tell=tell
            )
        except LabmeshError as error:
            exhibit.broken = f"there is no crate: {error}"
        else:
            shipped = crate_record(exhibit.folder).entries()
            exhibit.bodies = frozenset([e.hash async for e in shipped if e.body is not None])
    if _OF_THE_COPY & set(numbers):
        await _copy(record, exhibit, scratch)
    return exhibit


async def _copy(record: Record, exhibit: Exhibit, scratch: Path) -> None:
    try:
        ours = await write_portable(record, scratch / "ledger.gz")
        target = scratch / "restored.sqlite"
        theirs = await asyncio.to_thread(restore, scratch / "ledger.gz", target)
    except LabmeshError as error:
        exhibit.broken = exhibit.broken or f"the ledger was not copied: {error}"
        return
    exhibit.copy, exhibit.heads = target, (ours, theirs)


def judge(
    exhibit: Exhibit, numbers: Collection[int], tell: Tell = lambda _done, _total: None
) -> tuple[Answer, ...]:
    """Return the answers of the checks of some numbers; blocks."""
    answers = []
    for done, requirement in enumerate(r for r in REQUIREMENTS if r.number in numbers):
        tell(done, len(numbers))
        answers.append(_answer(exhibit, requirement))
    return tuple(answers)


def _answer(exhibit: Exhibit, requirement: Requirement) -> Answer:
    if requirement.number in _OF_THE_CRATE and exhibit.summary is None:
        found = Found(undecided=exhibit.broken)
    else:
        found = CHECKS[requirement.number](exhibit)
    return Answer(
        requirement=requirement,
        verdict=found.verdict,
        command=_command(exhibit.case, requirement),
        why=found.why,
        evidence=found.evidence,
        remains=found.remains,
    )


def _command(case: Case, requirement: Requirement) -> str:
    samples = case.own_samples
    cells = [s for s in samples if not any(s in case.samples.parents(o) for o in samples)]
    words = requirement.command.replace("CAMPAIGN", case.campaign)
    return words.replace("SAMPLE", (cells or samples or ["SAMPLE"])[-1])
