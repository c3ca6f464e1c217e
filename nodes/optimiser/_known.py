"""What is known before the first measurement: published tables and older results."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from messages.errors import CallRefusedError, RefusedError
from messages.ledger import Result
from messages.query import ResultView
from nodes.optimiser._campaign_file import CampaignFile, DatasetSection, LedgerSection
from nodes.optimiser._lab import CampaignLab, Reporter
from nodes.optimiser._measurement import Reading
from nodes.optimiser._prior import (
    LiteraturePoint,
    as_observation,
    as_result,
    at_temperature,
    inside,
)
from nodes.optimiser._published import PublishedTable, read_published
from nodes.optimiser._space import Space
from nodes.optimiser._strategy import Observation

_AT_A_TIME = 20
_OFFER_LOOKS = 40
_OFFER_PAUSE = 0.25


@dataclass(slots=True)
class Knowledge:
    """What a campaign begins from.

    Attributes:
        observations: For the strategy.
        literature: Published conductivities that were imported.
        posted: Published rows that are in the ledger.
        older: Results of other campaigns or methods that count.
        until: Offset of the last result that there was, of each section of ``consume.ledger``.
    """

    observations: list[Observation] = field(default_factory=list)
    literature: list[LiteraturePoint] = field(default_factory=list)
    posted: int = 0
    older: int = 0
    until: list[int] = field(default_factory=list)


async def gather(
    plan: CampaignFile,
    space: Space,
    reading: Reading,
    *,
    name: str,
    folder: Path,
    lab: CampaignLab,
    reporter: Reporter,
) -> Knowledge:
    """Read and post what the campaign file says it consumes.

    Args:
        plan: The campaign file.
        space: Of the plan.
        reading: How results are read.
        name: Of the campaign; its own results are no prior knowledge.
        folder: Where relative file names start.
        lab: The laboratory.
        reporter: Hears what was found.

    Raises:
        ConfigurationError: A table cannot be read.
    """
    known = Knowledge()
    for section in plan.consume.datasets:
        table = read_published(section, folder)
        temperature = float(plan.fixed["temperature"])
        near = table.near(temperature, section.temperature_window)
        points = inside(
            at_temperature(near, temperature, interpolate=section.interpolate),
            space,
            section.margin,
        )
        known.literature += points
        known.observations += [as_observation(p, space, section) for p in points]
        used = {row for point in points for row in point.rows}
        if section.post:
            known.posted += await _post(table, section, used, lab, reporter)
        works = sorted({p.doi for p in points})
        reporter.say(
            f"prior: {len(points)} published values at {temperature:g} K "
            f"from {len(used)} rows of {len(works)} works in {table.name}",
            licence=table.source.licence,
            doi=table.source.doi,
        )
    for older in plan.consume.ledger:
        found = await lab.results(
            quantity=older.quantity,
            method=older.method,
            **({"campaign": older.campaign} if older.campaign else {}),
        )
        views = [view for view in found if view.campaign != name]
        lessons = [o for view in views if (o := _lesson(view, older, reading)) is not None]
        known.observations += lessons
        known.older += len(lessons)
        known.until.append(max((view.offset for view in views), default=0))
        reporter.say(
            f"prior: {len(lessons)} of {len(views)} results of {older.quantity}/{older.method}",
            campaign=older.campaign or "any",
        )
    return known


async def _post(
    table: PublishedTable,
    section: DatasetSection,
    used: set[int],
    lab: CampaignLab,
    reporter: Reporter,
) -> int:
    rows = [row for row in table.rows if row.row in used]
    # The ledger takes results of capabilities it knows, and may not have read ours yet.
    for _ in range(_OFFER_LOOKS):
        if await lab.offered(section.quantity, section.method):
            break
        await asyncio.sleep(_OFFER_PAUSE)
    posted = 0
    refusals: list[str] = []
    for start in range(0, len(rows), _AT_A_TIME):
        results = [as_result(row, table, section) for row in rows[start : start + _AT_A_TIME]]
        answers = await asyncio.gather(*(_post_one(lab, *result) for result in results))
        refusals += [answer for answer in answers if answer]
        posted += answers.count("")
    if refusals:
        reporter.warn(
            f"{len(refusals)} published rows were not taken by the ledger; "
            "the model uses them all the same",
            reason=refusals[0],
        )
    return posted


async def _post_one(lab: CampaignLab, identity: UUID, result: Result) -> str:
    """Post a row; return why it is not in the ledger, or an empty text when it is."""
    try:
        await lab.post(result, identity)
    except RefusedError as error:
        # Another node may have imported the same row; the ledger keeps the first author's.
        try:
            await lab.result(identity)
        except CallRefusedError:
            return str(error)
    return ""


def _lesson(view: ResultView, section: LedgerSection, reading: Reading) -> Observation | None:
    point = reading.encoding.point(view.parameters)
    values, uncertainties, trouble = reading.values(view.data)
    trouble = trouble or reading.objection(view, section.minimum_rating)
    if point is None or trouble:
        return None
    return Observation(
        point=point,
        values=values,
        uncertainties=tuple(
            uncertainty or section.relative_uncertainty * abs(value)
            for value, uncertainty in zip(values, uncertainties, strict=True)
        ),
        source=f"{section.quantity}/{section.method}" if section.relative_offset else "elsewhere",
        offset=section.relative_offset * abs(values[0]),
    )
