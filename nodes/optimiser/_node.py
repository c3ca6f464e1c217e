"""The optimiser node: one campaign, from its file to its summary."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from labmesh import Node, NodeParameters
from messages.errors import ConfigurationError, LabmeshError
from messages.node import Level
from nodes.optimiser._campaign import Campaign
from nodes.optimiser._campaign_file import CampaignFile, load_campaign
from nodes.optimiser._encoding import make_encoding
from nodes.optimiser._gaussian_process import GaussianProcessStrategy
from nodes.optimiser._known import gather
from nodes.optimiser._measurement import Reading
from nodes.optimiser._mesh_lab import MeshLab
from nodes.optimiser._plot import draw
from nodes.optimiser._random import RandomStrategy
from nodes.optimiser._report import make_report
from nodes.optimiser._strategy import Strategy


class OptimiserParameters(NodeParameters):
    """Parameters of an `OptimiserNode`."""

    campaign_file: str = Field(description="path of the campaign file (docs/optimiser.md)")
    campaign: str = Field(
        default="",
        description="the campaign's name in the ledger, by which it resumes; the file's by default",
    )
    seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="of every random number; the same seed goes the same way"
    )
    temperature: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="K; instead of the file's fixed temperature"
    )
    budget: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="measurements at most; instead of the file's"
    )
    output: str = Field(
        default="",
        description="folder for campaign.png and summary.json; the node's own by default",
    )


class OptimiserNode(Node[OptimiserParameters]):
    """Drives a campaign: proposes measurements, requests them, learns, and sums up."""

    Parameters = OptimiserParameters

    async def on_configure(self) -> None:
        """Read the campaign file, so that a mistake in it shows before anything moves."""
        self._plan = self._read_plan()
        self._name = self.parameters.campaign or self._plan.name
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", self._name):
            raise ConfigurationError(
                f"{self._name!r} is no name of a campaign",
                where="campaign",
                remedy="use letters, digits, . _ - and begin with a letter or a digit",
            )
        self._folder = _folder(self.parameters.output or self.data_dir)

    async def on_activate(self) -> None:
        """Begin the campaign, or go on with it."""
        self._task = self.spawn(self._run(), name="campaign")

    async def on_deactivate(self) -> None:
        """Stop proposing. What was requested goes on; the ledger keeps its results."""
        task = self._task
        if task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})

    def say(self, text: str, **values: Any) -> None:
        """See `Reporter.say`."""
        self.log.info(text, **values)

    def warn(self, text: str, **values: Any) -> None:
        """See `Reporter.warn`; also shown in the node's diagnostics."""
        self.log.warn(text, **values)  # noqa: G010
        self.diagnose("campaign", Level.WARN, text)

    async def progress(self, done: int, total: int, text: str) -> None:
        """See `Reporter.progress`."""
        self.diagnose("campaign", Level.OK, text)
        await self.milestone("campaign", done, total, text)

    async def _run(self) -> None:
        try:
            await self._drive()
        except LabmeshError as error:
            self.log.error(f"the campaign stopped: {error}")
            self.diagnose("campaign", Level.ERROR, str(error), remedy=error.remedy)
            self.finish(1)
        except Exception as error:
            # A node that lost its one task and stayed would look like one that works.
            self.log.error(f"the campaign crashed: {error}", error=type(error).__name__)
            self.finish(1)
            raise

    async def _drive(self) -> None:
        plan = self._plan
        space = plan.build_space()
        space = plan.build_space()
        encoding = make_encoding(plan.encoding, space, plan.fixed)
        lab = MeshLab(self.lab, self)
        objective = plan.objective
        reading = Reading(encoding, objective.output, objective.unit, plan.minimum_rating)
        knowledge = await gather(
            plan,
            space,
            reading,
            name=self._name,
            folder=Path(self.parameters.campaign_file).parent,
            lab=lab,
            reporter=self,
        )
        strategy = make_strategy(plan, self.parameters.seed)
        strategy.tell(knowledge.observations)
        campaign = Campaign(
            self._name,
            plan,
            space=space,
            strategy=strategy,
            encoding=encoding,
            lab=lab,
            reporter=self,
            author=str(self.id),
        )
        outcome = await campaign.run()
        report = make_report(
            self._name,
            plan,
            space=space,
            encoding=encoding,
            strategy=strategy,
            outcome=outcome,
            knowledge=knowledge,
            ledger=str(self.lab.ledger),
        )
        plot = self._folder / "campaign.png"
        drawn = await asyncio.to_thread(draw, report, strategy, knowledge.observations, plot)
        report.write(self._folder / "summary.json", plot if drawn else None)
        lines = report.lines(plot if drawn else None)
        for line in lines:
            self.log.info(line)
        await self.progress(plan.budget, plan.budget, lines[1])
        self.finish()

    def _read_plan(self) -> CampaignFile:
        plan = load_campaign(self.parameters.campaign_file)
        changes: dict[str, Any] = {}
        if self.parameters.budget is not None:
            changes["budget"] = self.parameters.budget
        if self.parameters.temperature is not None:
            changes["fixed"] = {**plan.fixed, "temperature": self.parameters.temperature}
        return plan.model_copy(update=changes)


def _folder(path: str | Path) -> Path:
    folder = Path(path).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot be made: {error}", where=str(folder)) from error
    return folder


def make_strategy(plan: CampaignFile, seed: int) -> Strategy:
    """Return the strategy a campaign file names."""
    space, objective = plan.build_space(), plan.build_objective()
    constraints = plan.build_constraints()
    if plan.strategy.name == "random":
        return RandomStrategy(space, objective, constraints=constraints, seed=seed)
    return GaussianProcessStrategy(
        space, objective, constraints=constraints, seed=seed, start=plan.strategy.start
    )
