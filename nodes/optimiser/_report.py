"""What a campaign found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from nodes.optimiser._campaign import CampaignOutcome
from nodes.optimiser._campaign_file import CampaignFile
from nodes.optimiser._chapter import Chapter, table
from nodes.optimiser._encoding import Encoding, MixtureEncoding
from nodes.optimiser._known import Knowledge
from nodes.optimiser._literature import LiteratureValue, literature_at
from nodes.optimiser._measurement import Measurement
from nodes.optimiser._numbers import measured
from nodes.optimiser._space import Space
from nodes.optimiser._strategy import Recommendation, Strategy

_ROWS: Final = 60
"""Measurements that a table on the screen holds; summary.json has them all."""


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
        chapters: What else is to be said of it.
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
    chapters: tuple[Chapter, ...] = ()

    def lines(self, plot: Path | None, pictures: Sequence[Path] = ()) -> list[str]:
        """Return the summary, one fact a line."""
        used = sum(m.lesson for m in self.outcome.measurements)
        found = [f"campaign {self.campaign} is over: {self.outcome.stopped}"]
        if self.best is None:
            found.append("no measurement could be used, so there is no best")
        else:
            found += [
                f"best: {self.space.describe(self.best.measurement.point)}",
                *self._best_lines(self.best),
            ]
            mole = self.mole_fractions()
            if mole:
                shares = ", ".join(f"{key} {value:.4f}" for key, value in mole.items())
                found.insert(2, f"mole fractions: {shares}")
            if self.plan.consume.datasets or self.knowledge.literature:
                found.append(self._literature_line())
            found += self._front_lines()
        found += self._table()
        for chapter in self.chapters:
            found += chapter.lines
        found.append(
            f"requests: {len(self.outcome.measurements)}, of which {used} were of use"
            + (" (simulated instrument)" if self._simulated() else "")
        )
        found.append(self._time_line())
        found += [f"plot: {path}" for path in (plot, *pictures) if path is not None]
        found.append(
            f"ledger: {self.ledger}, campaign {self.campaign} "
            f"(labmesh request list --campaign {self.campaign})"
        )
        return found

    def _best_lines(self, best: Best) -> list[str]:
        measurement = best.measurement
        return [
            f"{objective.name}: {measured(value, error, objective.unit)} "
            f"as measured (measurement {measurement.number}), "
            f"{measured(mean, deviation, objective.unit)} by the model"
            for objective, value, error, mean, deviation in zip(
                self.plan.build_objectives(), measurement.values, measurement.uncertainties,
                best.means, best.uncertainties, strict=True,
            )
        ]  # fmt: skip

    def _front_lines(self) -> list[str]:
        objectives = self.plan.build_objectives()
        if len(objectives) == 1:
            return []
        found = [f"front: {len(self.front)} measurements that none beats in every objective"]
        for best in self.front:
            values = ", ".join(
                f"{objective.name} {measured(mean, deviation, objective.unit)}"
                for objective, mean, deviation in zip(
                    objectives, best.means, best.uncertainties, strict=True
                )
            )
            place = self.space.describe(best.measurement.point)
            found.append(f"  {best.measurement.number}: {place}: {values}")
        return found

    def _table(self) -> list[str]:
        """Return every measurement, of a campaign short enough to be read."""
        measurements = self.outcome.measurements
        if not 0 < len(measurements) <= _ROWS:
            return []
        objectives = self.plan.build_objectives()
        fidelities = ("by",) if self.plan.fidelities else ()
        header = ("number", *self.space.names, *fidelities,
                  *(o.name if o.unit == "1" else f"{o.name} ({o.unit})" for o in objectives),
                  "rating", "")  # fmt: skip
        rows = []
        for m in measurements:
            values = [
                measured(v, u, "1") for v, u in zip(m.values, m.uncertainties, strict=True)
            ] or ["-"] * len(objectives)
            rows.append(
                (
                    str(m.number), *(f"{value:.4g}" for value in m.point),
                    *((m.fidelity or "target",) if fidelities else ()), *values,
                    "-" if m.rating is None else str(m.rating), "" if m.lesson else "not used",
                )
            )  # fmt: skip
        return ["measurements:", *(f"  {line.rstrip()}" for line in table(header, rows))]

    def mole_fractions(self) -> dict[str, float]:
        """Return the best formulation, chemical to mol/mol; empty where it is none."""
        return {} if self.best is None else self._fractions(self.best)

    def _fractions(self, best: Best) -> dict[str, float]:
        if not isinstance(self.encoding, MixtureEncoding):
            return {}
        formulation = self.encoding.formulation(best.measurement.point)
        fractions = (c.fraction for c in formulation.components)
        return dict(zip(self.encoding.names, fractions, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, SI units in every name's place in the file."""
        ended = [m for m in self.outcome.measurements if m.load_time]
        return {
            "campaign": self.campaign,
            "ledger": self.ledger,
            "objective": self.plan.objective.model_dump(mode="json"),
            "objectives": [o.model_dump(mode="json") for o in self.plan.objectives],
            "fidelities": [f.model_dump(mode="json") for f in self.plan.fidelities],
            "fixed": self.plan.fixed,
            "space": {d.name: asdict(d) for d in self.space.dimensions},
            "stopped": self.outcome.stopped,
            "best": None if self.best is None else self._best_dict(self.best),
            "front": [self._best_dict(best) for best in self.front],
            "best_so_far": self._best_so_far(),
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
        } | {chapter.key: chapter.data for chapter in self.chapters}

    def write(self, path: Path, plot: Path | None, pictures: Sequence[Path] = ()) -> None:
        """Write the summary as JSON."""
        value = self.as_dict() | {
            "plot": str(plot) if plot else None,
            "pictures": [str(picture) for picture in pictures],
        }
        path.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")

    def _best_dict(self, best: Best) -> dict[str, Any]:
        return {
            **self._measurement_dict(best.measurement),
            "model_mean": best.mean,
            "model_uncertainty": best.uncertainty,
            "model_means": best.means,
            "model_uncertainties": best.uncertainties,
            "mole_fractions": self._fractions(best),
        }

    def _best_so_far(self) -> list[dict[str, Any]]:
        """Return each measurement at the target that was the best single value when it came."""
        sign = self.plan.build_objectives()[0].sign
        found: list[dict[str, Any]] = []
        for m in self.outcome.measurements:
            if m.at_target and (not found or sign * (m.values[0] - found[-1]["value"]) > 0):
                found.append({"number": m.number, "value": m.values[0]})
        return found

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
