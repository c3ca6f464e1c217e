"""From a campaign file to a report: everything between, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from messages.campaign import CampaignPlan, CampaignProposal
from nodes.optimiser._campaign import Campaign
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._known import gather
from nodes.optimiser._lab import CampaignLab, Reporter
from nodes.optimiser._literature_model import LiteratureModel
from nodes.optimiser._mesh_lab import MeshLab
from nodes.optimiser._recorded_plan import plan_of, record_plan
from nodes.optimiser._report import Report, make_report
from nodes.optimiser._route import routes_of
from nodes.optimiser._strategies import make_strategy

__all__ = ["LiteratureModel", "MeshLab", "run_campaign"]


async def run_campaign(
    plan: CampaignFile,
    *,
    name: str,
    seed: int,
    base: Path,
    folder: Path,
    lab: CampaignLab,
    ledger: str,
    author: str,
    reporter: Reporter,
    settled: Callable[[CampaignPlan], None] = lambda _settings: None,
    decided: Callable[[CampaignProposal], None] = lambda _proposal: None,
) -> tuple[Report, list[Path]]:
    """Run a campaign to its end and write its picture and summary.

    Args:
        plan: The campaign file.
        name: Of the campaign in the ledger; what it resumes by.
        seed: Of every random number.
        base: Where relative names of tables start.
        folder: Where ``campaign.png`` and ``summary.json`` go.
        lab: The laboratory.
        ledger: ``site/node`` of its broker node, for the summary.
        author: Who asks.
        reporter: Hears about progress.
        settled: Called with the settings that were put into the ledger.
        decided: Called with every proposal before its request is submitted.

    Returns:
        The report, and the pictures' paths (none where there was nothing to draw).

    Raises:
        LabmeshError: As `gather` and `Campaign.run`.
    """
    space = plan.build_space()
    route = routes_of(plan)[""]
    knowledge = await gather(
        plan, space, route.reading, name=name, folder=base, lab=lab, reporter=reporter
    )
    settings = plan_of(plan, seed, base, knowledge)
    settled(settings)
    await record_plan(settings, name, author, lab, reporter)
    strategy = make_strategy(plan.build_problem(seed), plan.strategy)
    strategy.tell(knowledge.observations)
    outcome = await Campaign(
        name,
        plan,
        space=space,
        strategy=strategy,
        lab=lab,
        reporter=reporter,
        author=author,
        prior=knowledge.observations,
        decided=decided,
        seed=seed,
    ).run()
    report = make_report(
        name,
        plan,
        space=space,
        encoding=route.encoding,
        strategy=strategy,
        outcome=outcome,
        knowledge=knowledge,
        ledger=ledger,
    )
    picture = folder / "campaign.png"
    # matplotlib takes a second of a core to load, and nobody waits for it before the end.
    drawing = await asyncio.to_thread(import_module, "nodes.optimiser._chapters")
    drawn = await asyncio.to_thread(drawing.draw, report, strategy, knowledge.observations, picture)
    plot = picture if drawn else None
    chapters, pictures = await drawing.write_chapters(report, strategy, lab, folder)
    report = replace(report, chapters=chapters)
    report.write(folder / "summary.json", plot, pictures)
    return report, [each for each in (plot, *pictures) if each is not None]
