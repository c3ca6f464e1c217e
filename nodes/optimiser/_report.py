"""What a campaign found, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nodes.optimiser._campaign import CampaignOutcome
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._encoding import Encoding, MixtureEncoding
from nodes.optimiser._known import Knowledge
from nodes.optimiser._literature import LiteratureValue, literature_at
from nodes.optimiser._measurement import Measurement
from nodes.optimiser._space import Space
from nodes.optimiser._strategy import Recommendation, Strategy


@dataclass(frozen=True, slots=True)
class Best:
    """One of the campaign's own measurements at the target, and what the model holds of it.

    Attributes:
        measurement: The measurement itself.
        means: The true values there, after all measurements, one per objective.
        uncertainties: Standard deviation of each.
    """

    measurement: Measurement
    means: tuple[float, ...]
    uncertainties: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The first objective's."""
        return self.means[0]

    @property
    def uncertainty(self) -> float:
        """The first objective's."""
        return self.uncertainties[0]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a summary says.

    Attributes:
        campaign: Its name in the ledger.
        plan: The campaign file.
        space: Of the plan.
        encoding: Of the plan.
        outcome: What was done.
        knowledge: What it began from.
        best: None where no measurement could be used. Of several objectives: the member of the
            front nearest to the ideal point.
        front: What no other measurement beats in every objective, by the model.
        literature: At the best composition; None where nothing was imported.
        ledger: ``site/node`` of the broker node.
    """

    campaign: str
    plan: CampaignFile
    space: Space
    encoding: Encoding
    outcome: CampaignOutcome
    knowledge: Knowledge
    best: Best | None
    front: tuple[Best, ...]
    literature: LiteratureValue | None
    ledger: str

    def lines(self, plot: Path | None) -> list[str]:
        """Return the summary, one fact a line."""
        unit, name = self.plan.objective.unit, self.plan.objective.quantity
        used = sum(m.lesson for m in self.outcome.measurements)
        found = [f"campaign {self.campaign} is over: {self.outcome.stopped}"]
        if self.best is None:
            found.append("no measurement could be used, so there is no best")
        else:
            found += [
                f"best: {self.space.describe(self.best.measurement.point)}",
                (
                    f"{name}: {self.best.measurement.value:.4f} ± "
                    f"{self.best.measurement.uncertainty:.4f} {unit} as measured "
                    f"(measurement {self.best.measurement.number}), "
                    f"{self.best.mean:.4f} ± {self.best.uncertainty:.4f} {unit} by the model"
                ),
            ]
            mole = self.mole_fractions()
            if mole:
                shares = ", ".join(f"{key} {value:.4f}" for key, value in mole.items())
                found.insert(2, f"mole fractions: {shares}")
            found.append(self._literature_line())
        found.append(
            f"requests: {len(self.outcome.measurements)}, of which {used} were of use"
            + (" (simulated instrument)" if self._simulated() else "")
        )
        found.append(self._time_line())
        if plot is not None:
            found.append(f"plot: {plot}")
        found.append(
            f"ledger: {self.ledger}, campaign {self.campaign} "
            f"(labmesh request list --campaign {self.campaign})"
        )
        return found

    def mole_fractions(self) -> dict[str, float]:
        """Return the best formulation, chemical to mol/mol; empty where it is none."""
        if self.best is None or not isinstance(self.encoding, MixtureEncoding):
            return {}
        formulation = self.encoding.formulation(self.best.measurement.point)
        fractions = (c.fraction for c in formulation.components)
        return dict(zip(self.encoding.names, fractions, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, SI units in every name's place in the file."""
        ended = [m for m in self.outcome.measurements if m.load_time]
        return {
            "campaign": self.campaign,
            "ledger": self.ledger,
            "objective": self.plan.objective.model_dump(mode="json"),
            "fixed": self.plan.fixed,
            "space": {d.name: asdict(d) for d in self.space.dimensions},
            "stopped": self.outcome.stopped,
            "best": self._best_dict(),
            "literature": asdict(self.literature) if self.literature else None,
            "requests": len(self.outcome.measurements),
            "used": sum(m.lesson for m in self.outcome.measurements),
            "simulated": self._simulated(),
            "prior": {
                "published_values": len(self.knowledge.literature),
                "published_rows_in_ledger": self.knowledge.posted,
                "older_results": self.knowledge.older,
                "works": sorted({p.doi for p in self.knowledge.literature}),
            },
            "wall_seconds": self._span([m.load_time for m in ended], self.outcome.begun_wall),
            "experiment_seconds": self._span([m.stamp for m in ended], self.outcome.begun),
            "measurements": [self._measurement_dict(m) for m in self.outcome.measurements],
        }

    def write(self, path: Path, plot: Path | None) -> None:
        """Write the summary as JSON."""
        value = self.as_dict() | {"plot": str(plot) if plot else None}
        path.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")

    def _best_dict(self) -> dict[str, Any] | None:
        if self.best is None:
            return None
        return {
            **self._measurement_dict(self.best.measurement),
            "model_mean": self.best.mean,
            "model_uncertainty": self.best.uncertainty,
            "mole_fractions": self.mole_fractions(),
        }

    def _measurement_dict(self, measurement: Measurement) -> dict[str, Any]:
        plain = asdict(measurement)
        plain["value"], plain["uncertainty"] = measurement.value, measurement.uncertainty
        plain["point"] = dict(zip(self.space.names, measurement.point, strict=True))
        plain["wanted"] = dict(zip(self.space.names, measurement.wanted, strict=True))
        return plain

    def _simulated(self) -> bool:
        return any(m.simulated for m in self.outcome.measurements)

    def _literature_line(self) -> str:
        if self.literature is None or self.best is None:
            return "literature: nothing was imported to compare with"
        values = dict(zip(self.space.names, self.best.measurement.point, strict=True))
        return f"literature: {self.literature.describe(values['w_ec'], values['molality'])}"

    def _time_line(self) -> str:
        ended = [m for m in self.outcome.measurements if m.load_time]
        wall = self._span([m.load_time for m in ended], self.outcome.begun_wall)
        lab = self._span([m.stamp for m in ended], self.outcome.begun)
        return f"time: {_duration(lab)} of experiment, {_duration(wall)} on the wall clock"

    @staticmethod
    def _span(ends: list[int], begun: int) -> float:
        return (max(ends) - begun) / 1e9 if ends and begun else 0.0


def make_report(
    campaign: str,
    plan: CampaignFile,
    *,
    space: Space,
    encoding: Encoding,
    strategy: Strategy,
    outcome: CampaignOutcome,
    knowledge: Knowledge,
    ledger: str,
) -> Report:
    """Return the report of a campaign that is over."""
    best = None
    literature = None
    front = tuple(_best(found, outcome) for found in strategy.front())
    found = strategy.best()
    if found is not None:
        best = _best(found, outcome)
        if knowledge.literature:
            values = dict(zip(space.names, best.measurement.point, strict=True))
            literature = literature_at(knowledge.literature, values["w_ec"], values["molality"])
    return Report(
        campaign, plan, space, encoding, outcome, knowledge, best, front, literature, ledger
    )


def _best(found: Recommendation, outcome: CampaignOutcome) -> Best:
    measurement = next(
        m for m in outcome.measurements if m.at_target and m.observation() == found.observation
    )
    return Best(measurement, found.mean, found.uncertainty)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
