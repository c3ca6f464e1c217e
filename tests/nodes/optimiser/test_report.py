from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from messages.chemistry import EC, EMC, LIPF6
from messages.electrolyte import ConductivityInput
from messages.errors import OrderError
from messages.formulation_algebra import formulation_from
from nodes.optimiser import (
    Campaign,
    CampaignFile,
    Report,
    draw,
    gather,
    make_report,
    make_strategy,
)
from nodes.optimiser._literature_model import LiteratureModel
from nodes.optimiser._nearest import nearest_named
from nodes.optimiser._route import routes_of
from tests.nodes.optimiser.memory_lab import Answer, MemoryLab, Notes
from tests.nodes.optimiser.test_campaign import SHIPPED, exact

PNG = b"\x89PNG\r\n\x1a\n"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def report_of(campaign: CampaignFile, lab: MemoryLab, path: Path) -> tuple[Report, bool]:
    space = campaign.build_space()
    route = routes_of(campaign)[""]
    reading = route.reading
    notes = Notes()
    known = await gather(campaign, space, reading, name="c", folder=path, lab=lab, reporter=notes)
    strategy = make_strategy(campaign.build_problem(), campaign.strategy)
    strategy.tell(known.observations)
    outcome = await Campaign(
        "c", campaign, space=space, strategy=strategy, lab=lab,
        reporter=notes, author="kit/optimiser",
    ).run()  # fmt: skip
    report = make_report(
        "c", campaign, space=space, encoding=route.encoding, strategy=strategy, outcome=outcome,
        knowledge=known, ledger="kit/broker",
    )  # fmt: skip
    return report, draw(report, strategy, known.observations, path / "campaign.png")


async def test_the_summary_of_the_shipped_campaign(tmp_path: Path) -> None:
    report, drawn = await report_of(SHIPPED, MemoryLab(exact), tmp_path)
    assert drawn
    picture = (tmp_path / "campaign.png").read_bytes()
    assert picture.startswith(PNG)
    assert len(picture) > 20_000
    assert names(tmp_path) == ["campaign.png"]

    assert report.best is not None
    assert report.literature is not None
    lines = report.lines(tmp_path / "campaign.png")
    text = "\n".join(lines)
    assert lines[0].startswith("campaign c is over: expected improvement below")
    assert lines[1].startswith("best: w_ec 0.")
    mole = report.mole_fractions()
    assert sum(mole.values()) == pytest.approx(1)
    assert f"mole fractions: LiPF6 {mole['LiPF6']:.4f}" in text
    assert "S/m as measured (measurement " in text
    assert "literature: 0.9" in text
    assert "doi:10.1149/1.1403730" in text
    assert f"requests: {len(report.outcome.measurements)}, of which" in text
    assert "(simulated instrument)" in text
    assert "of experiment" in text
    assert f"plot: {tmp_path / 'campaign.png'}" in text
    assert lines[-1].startswith("ledger: kit/broker, campaign c")

    report.write(tmp_path / "summary.json", tmp_path / "campaign.png")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    best = summary["best"]
    assert best["point"].keys() == {"w_ec", "molality"}
    assert best["value"] == report.best.measurement.value
    assert best["model_uncertainty"] > 0
    assert best["mole_fractions"].keys() == {"LiPF6", "EC", "EMC"}
    assert summary["literature"]["inside"] is True
    assert summary["prior"]["published_rows_in_ledger"] == 74
    assert len(summary["measurements"]) == summary["requests"]
    # The lab in memory takes a minute of experiment and a second of wall time a request.
    assert summary["experiment_seconds"] == pytest.approx(60 * summary["requests"] - 5)
    assert summary["wall_seconds"] == pytest.approx(summary["requests"] - 0.5)


async def test_a_campaign_without_any_use(tmp_path: Path) -> None:
    plan = SHIPPED.model_copy(update={"budget": 1, "consume": type(SHIPPED.consume)()})
    report, drawn = await report_of(plan, MemoryLab(lambda _: Answer({})), tmp_path)
    assert not drawn
    assert names(tmp_path) == []
    assert "no measurement could be used, so there is no best" in report.lines(None)
    report.write(tmp_path / "summary.json", None)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["best"] is None
    assert summary["plot"] is None


async def test_other_campaigns_draw_too(tmp_path: Path) -> None:
    plan = CampaignFile.model_validate(
        {
            "name": "valley",
            "objective": {
                "quantity": "height", "method": "map", "output": "z", "direction": "minimise",
            },
            "space": {"x": {"minimum": -1, "maximum": 1}},
            "budget": 6,
            "strategy": {"name": "random"},
        }
    )  # fmt: skip

    def answer(parameters: dict[str, Any]) -> Answer:
        return Answer({"z": parameters["x"] ** 2}, rating=None)

    report, drawn = await report_of(plan, MemoryLab(answer), tmp_path)
    assert drawn
    assert report.best is not None
    assert report.best.measurement.value == min(m.value or 0 for m in report.outcome.measurements)
    assert report.mole_fractions() == {}
    assert not [line for line in report.lines(None) if line.startswith("literature")]


def test_the_literature_may_be_asked() -> None:
    model = LiteratureModel.read(SHIPPED.consume.datasets, Path())
    asked = ConductivityInput(formulation=formulation_from(0.855, 0.49), temperature=298.15)
    output, value = model.answer(asked)
    assert output.conductivity.value == pytest.approx(0.945, rel=0.01)
    assert value.inside
    assert output.run_info.internal_reference == "10.1149/1.1403730"
    for parameters, words in (
        ((0.9, 0.9), "beyond what was published at 298.15 K"),
        ((0.0, 0.3), "beyond what was published"),
    ):
        outside = ConductivityInput(formulation=formulation_from(*parameters))
        with pytest.raises(OrderError, match=words):
            model.answer(outside)
    with pytest.raises(OrderError, match="nothing was published at 500 K"):
        model.answer(asked.model_copy(update={"temperature": 500.0}))


@pytest.mark.parametrize(
    ("text", "point"),
    [
        (
            (
                "the nearest feasible one is LiPF6 0.0951, EC 0.4, EMC 0.5 mol/mol (1.38 mol/kg, "
                "w_EC 0.4900), 0.0200 away; asked for was LiPF6 0.2 (2.1 mol/kg, w_EC 0.1)"
            ),
            (0.49, 1.38),
        ),
        ("Nearest: molality = 1.4e0 mol/kg and w_ec: 0.3", (0.3, 1.4)),
        ("1.38 mol/kg, w_EC 0.49 cannot be made", None),
        ("the nearest has w_EC 0.49", None),
        ("", None),
    ],
)
def test_recommendations_are_read(text: str, point: tuple[float, float] | None) -> None:
    assert nearest_named(text, SHIPPED.build_space()) == point


def test_chemicals_have_the_short_names_in_this_order() -> None:
    found = [c.chemical for c in formulation_from(1.0, 0.3).components]
    assert found == [LIPF6, EC, EMC]
