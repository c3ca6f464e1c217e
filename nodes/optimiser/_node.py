"""The optimiser node: one campaign, from its file to its summary."""

from __future__ import annotations

import asyncio
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from labmesh import Node, NodeParameters, Order, capability
from messages.archive import DEPOSIT
from messages.campaign import (
    METHOD,
    PROPOSAL,
    QUANTITY,
    CampaignPlan,
    CampaignProposal,
    PlanInput,
    ProposalInput,
)
from messages.electrolyte import ConductivityInput, ConductivityOutput
from messages.errors import ConfigurationError, LabmeshError, OrderError
from messages.node import Level
from nodes.optimiser._campaign_file import CampaignFile, load_campaign
from nodes.optimiser._deposit import deposit

if TYPE_CHECKING:
    from nodes.optimiser._literature_model import LiteratureModel


class OptimiserParameters(NodeParameters):
    """Parameters of an `OptimiserNode`."""

    campaign_file: str = Field(description="path of the campaign file (docs/optimiser.md)")
    campaign: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,79})?$")] = Field(
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
    fixed: dict[str, Any] = Field(
        default_factory=dict,
        description="parameters of every request, instead of the file's of the same name",
    )
    fidelities: str = Field(
        default="",
        description="names of the file's fidelities to use, spaces between; all of them by default",
    )
    output: str = Field(
        default="",
        description="folder for campaign.png and summary.json; by default one of the campaign's "
        "name in the node's own",
    )
    archive: bool = Field(
        default=False, description="have the campaign archived when it is over (archive/deposit)"
    )


class OptimiserNode(Node[OptimiserParameters]):
    """Drives a campaign: proposes measurements, requests them, learns, and sums up."""

    Parameters = OptimiserParameters
    _published: LiteratureModel
    _settings: CampaignPlan | None = None
    _proposals: dict[int, CampaignProposal]

    @classmethod
    def asks_for(cls, parameters: OptimiserParameters) -> tuple[tuple[str, str], ...]:
        """Return the capabilities of the campaign's objectives, fidelities and archive.

        Raises:
            ConfigurationError: The campaign file cannot be read.
        """
        plan = _chosen(load_campaign(parameters.campaign_file), parameters.fidelities)
        ways = [(plan.objective.quantity, plan.objective.method)]
        ways += [(fidelity.quantity, fidelity.method) for fidelity in plan.fidelities]
        if parameters.archive:
            ways.append(DEPOSIT)
        return tuple(dict.fromkeys(ways))

    async def on_configure(self) -> None:
        """Read the campaign file, so that a mistake in it shows before anything moves."""
        self._plan = self._read_plan()
        self._proposals = {}
        self._name = self.parameters.campaign or self._plan.name
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", self._name):
            raise ConfigurationError(
                f"{self._name!r} is no name of a campaign",
                where="campaign",
                remedy="use letters, digits, . _ - and begin with a letter or a digit",
            )
        self._folder = _folder(self.parameters.output or self.data_dir / self._name)
        self._base = Path(self.parameters.campaign_file).parent
        work = await asyncio.to_thread(_work)
        sections = self._plan.consume.datasets
        self._published = await asyncio.to_thread(work.LiteratureModel.read, sections, self._base)

    @capability("conductivity", "literature", slots=4, process="LiteratureRetrieval")
    async def literature(self, order: Order[ConductivityInput]) -> ConductivityOutput:
        """Conductivity of LiPF6 in EC:EMC, interpolated between published compositions."""
        output, value = self._published.answer(order.parameters)
        order.rate(
            success=True, rating=3, reason=f"published works differ by 2 to 7 %: {value.dois}"
        )
        order.note(dois=list(value.dois), compositions=value.points)
        order.reproducible(self._published.recipe(), "numpy", "scipy")
        return output

    @capability(QUANTITY, METHOD)
    async def plan(self, order: Order[PlanInput]) -> CampaignPlan:
        """Settings of the campaign that this node drives; put into the ledger when it begins."""
        if self._settings is None:
            raise OrderError("the campaign has not begun", retryable=True)
        return self._settings

    @capability(QUANTITY, PROPOSAL)
    async def proposal(self, order: Order[ProposalInput]) -> CampaignProposal:
        """One decision of the campaign that this node drives, and why; also in the ledger."""
        found = self._proposals.get(order.parameters.number)
        if found is None:
            raise OrderError(
                f"the campaign has decided {len(self._proposals)} times so far", retryable=True
            )
        return found

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
        self.log.warn(text, **values)
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
        work = _work()
        report, pictures = await work.run_campaign(
            self._plan,
            name=self._name,
            seed=self.parameters.seed,
            base=self._base,
            folder=self._folder,
            lab=work.MeshLab(self.lab, self),
            ledger=str(self.lab.ledger),
            author=str(self.id),
            reporter=self,
            settled=self._take_settings,
            decided=self._take_proposal,
        )
        lines = report.lines(None, pictures)
        self.log.info(lines[0])
        for line in lines[1:]:
            print(f"  {line}", flush=True)  # noqa: T201 - what the campaign was for
        if self.parameters.archive:
            print(f"  {await deposit(self.lab, self._name)}", flush=True)  # noqa: T201
        done = len(report.outcome.measurements)
        await self.progress(done, done, lines[1])
        if report.best is None and done:
            self.log.error("no measurement of the campaign could be used")
            self.finish(1)
            return
        self.finish()

    def _take_settings(self, settings: CampaignPlan) -> None:
        self._settings = settings

    def _take_proposal(self, proposal: CampaignProposal) -> None:
        self._proposals[proposal.number] = proposal

    def _read_plan(self) -> CampaignFile:
        plan = _chosen(load_campaign(self.parameters.campaign_file), self.parameters.fidelities)
        changes: dict[str, Any] = {}
        if self.parameters.budget is not None:
            changes["budget"] = self.parameters.budget
        fixed = dict(self.parameters.fixed)
        if self.parameters.temperature is not None:
            fixed["temperature"] = self.parameters.temperature
        if fixed:
            changes["fixed"] = {**plan.fixed, **fixed}
        return plan.model_copy(update=changes)


def _chosen(plan: CampaignFile, names: str) -> CampaignFile:
    """Return the campaign with the named ones of its fidelities alone."""
    wanted, known = names.split(), [fidelity.name for fidelity in plan.fidelities]
    for name in wanted:
        if name not in known:
            raise ConfigurationError(
                f"the campaign file has no fidelity {name}",
                where="fidelities",
                remedy=f"it has {', '.join(known) or 'none'}",
            )
    if not wanted:
        return plan
    chosen = tuple(fidelity for fidelity in plan.fidelities if fidelity.name in wanted)
    return plan.model_copy(update={"fidelities": chosen})


def _folder(path: str | Path) -> Path:
    folder = Path(path).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot be made: {error}", where=str(folder)) from error
    return folder


def _work() -> Any:
    """Return the module that does the work.

    It needs scikit-learn, pandas and matplotlib, seconds of import: a launch file that only checks
    this node's parameters must not wait for them, nor must a node that is joining.
    """
    return import_module("nodes.optimiser._work")
