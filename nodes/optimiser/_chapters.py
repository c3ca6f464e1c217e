"""Which parts a campaign's summary has beside the common ones, and their pictures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nodes.optimiser._chapter import Chapter
from nodes.optimiser._end_of_life import CAPABILITY, batches_of, end_of_life_chapter
from nodes.optimiser._end_of_life_plots import draw_end_of_life
from nodes.optimiser._front_plot import draw_front
from nodes.optimiser._lab import CampaignLab
from nodes.optimiser._plot import draw
from nodes.optimiser._relations import relations_chapter
from nodes.optimiser._report import Report
from nodes.optimiser._strategy import Strategy
from nodes.optimiser._trend import trend_chapter
from nodes.optimiser._troubles import troubles_chapter

__all__ = ["draw", "write_chapters"]


async def write_chapters(
    report: Report, strategy: Strategy, lab: CampaignLab, folder: Path
) -> tuple[tuple[Chapter, ...], list[Path]]:
    """Return the further chapters of a campaign that is over, and the pictures that were drawn.

    Args:
        report: Of the campaign.
        strategy: Told everything.
        lab: Where its results and sub-requests are read.
        folder: Where pictures go.
    """
    views = await lab.results(campaign=report.campaign)
    results = {view.id: view for view in views}
    objective = report.plan.objective
    lessons = [m for m in report.outcome.measurements if m.lesson]
    found: list[Chapter | None] = [
        await asyncio.to_thread(
            trend_chapter,
            report.plan,
            strategy,
            simulated=any(m.simulated for m in lessons),
            literature=bool(report.knowledge.literature),
        )
    ]
    pictures = []
    front = await asyncio.to_thread(draw_front, report, folder / "front.png")
    if front is not None:
        pictures.append(front)
    if (objective.quantity, objective.method) == CAPABILITY:
        batches = batches_of(report.outcome.measurements, results)
        found.append(end_of_life_chapter(batches, report.space))
        pictures += await asyncio.to_thread(draw_end_of_life, report, strategy, batches, folder)
    found.append(troubles_chapter(await lab.requests(report.campaign), results))
    found.append(relations_chapter(views))
    return tuple(chapter for chapter in found if chapter is not None), pictures
