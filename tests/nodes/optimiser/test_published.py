from __future__ import annotations

import csv
import json
from importlib import resources
from pathlib import Path

import pytest

from messages.chemistry import Formulation
from messages.electrolyte import ConductivityInput, ConductivityOutput
from messages.errors import ConfigurationError
from messages.formulation_algebra import molality_and_w_ec
from nodes.optimiser import (
    Dimension,
    LiteraturePoint,
    Space,
    at_temperature,
    literature_at,
    load_campaign,
    read_published,
)
from nodes.optimiser._campaign_file import DatasetSection
from nodes.optimiser._density import molality_from
from nodes.optimiser._prior import as_observation, as_result, inside

SHIPPED = load_campaign(
    Path(__file__).parents[3] / "launch" / "campaigns" / "ec_emc_conductivity.yaml"
)
SECTION = SHIPPED.consume.datasets[0]
SPACE = SHIPPED.build_space()
NYMAN = "10.1016/j.electacta.2008.04.023"
DING = "10.1149/1.1403730"


def cells() -> list[dict[str, str]]:
    table = resources.files("nodes.optimiser") / "data" / "calisol23_lipf6_ec_emc.csv"
    with table.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_row_is_read_or_accounted_for() -> None:
    table = read_published(SECTION, Path())
    # 497 rows: 10 of volume ratios (jpowsour.2010.12.040), one flagged.
    assert len(cells()) == 497
    assert table.left_out == {"solvent not by mass": 10, "flagged": 1}
    assert len(table.rows) == 486
    assert table.source.licence == "CC-BY-4.0"
    assert table.source.doi == "10.1038/s41597-024-03575-8"


def test_rows_at_the_temperature_by_hand() -> None:
    table = read_published(SECTION, Path())
    near = table.near(298.15, 0.1)
    # Only Nyman et al. 2008 measured at 298.15 K: eight rows at EC:EMC 3:7, in mol/l.
    assert {row.doi for row in near} == {NYMAN}
    assert [row.row for row in near] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert near[3].molality == pytest.approx(molality_from(1.000878, 0.3))
    assert near[3].conductivity == pytest.approx(0.9506518)
    points = inside(at_temperature(near, 298.15, interpolate=True), SPACE, 0.0)
    # 0.20 mol/l lies below 0.42 mol/kg, 1.60 mol/l and more above 1.4 mol/kg: four remain.
    assert [point.rows for point in points] == [(2,), (3,), (4,), (5,)]


def test_the_shipped_filter_by_hand() -> None:
    """Counted again from the text, without pandas and without the node's own code."""
    wanted = []
    for row in cells():
        if row["flag"] or row["solvent ratio type"] != "w":
            continue
        if abs(float(row["T"]) - 298.15) <= 10.1:
            wanted.append(row)
    table = read_published(SECTION, Path())
    near = table.near(298.15, SECTION.temperature_window)
    assert len(near) == len(wanted)
    points = at_temperature(near, 298.15, interpolate=True)
    ding = [p for p in points if p.doi == DING]
    # Ding et al.: the same 7 + 8 + 8 + 8 compositions at 293.15 and at 303.15 K.
    assert sorted({(p.w_ec, sum(q.w_ec == p.w_ec for q in ding)) for p in ding}) == [
        (0.2, 7), (0.3, 8), (0.4, 8), (0.5, 8)
    ]  # fmt: skip
    assert all(len(p.rows) == 2 for p in ding)
    used = inside(points, SPACE, 0.0)
    assert all(0.2 <= p.w_ec <= 0.5 and 0.42 <= p.molality <= 1.4 for p in used)
    assert len(used) == 37
    assert len(inside(points, SPACE, SECTION.margin)) == 39


def test_interpolation_in_temperature() -> None:
    table = read_published(SECTION, Path())
    # At 293.15 K the works' own rows exist; from 283.15 and 303.15 K alone they come back
    # within 2 %, on average 0.9 % too low.
    near = [r for r in table.rows if r.doi == DING and abs(r.temperature - 293.15) < 10.5]
    truth = {
        (p.w_ec, round(p.molality, 2)): p.conductivity
        for p in at_temperature(near, 293.15, interpolate=False)
    }
    without = [r for r in near if abs(r.temperature - 293.15) > 1]
    found = at_temperature(without, 293.15, interpolate=True)
    errors = [
        p.conductivity / truth[key] - 1
        for p in found
        if (key := (p.w_ec, round(p.molality, 2))) in truth
    ]
    assert len(errors) > 20
    assert max(map(abs, errors)) < 0.025
    assert -0.012 < sum(errors) / len(errors) < -0.005
    assert at_temperature(without, 293.15, interpolate=False) == []


@pytest.mark.parametrize("temperature", [273.15, 290.0, 300.0, 313.15])
def test_other_temperatures_find_literature_too(temperature: float) -> None:
    table = read_published(SECTION, Path())
    near = table.near(temperature, SECTION.temperature_window)
    points = inside(at_temperature(near, temperature, interpolate=True), SPACE, SECTION.margin)
    assert len([p for p in points if p.doi == DING]) > 20
    # Published rows at the temperature itself are taken as they are.
    pairs = {len(p.rows) for p in points if p.doi == DING}
    assert pairs == ({1} if temperature in (273.15, 313.15) else {2})


def test_a_work_alone() -> None:
    section = SECTION.model_copy(update={"only": (NYMAN,)})
    table = read_published(section, Path())
    assert {row.doi for row in table.rows} == {NYMAN}
    assert table.left_out["another work"] == 489


def test_molality_of_known_solutions() -> None:
    # 1.5 mol/kg in EC:EMC 30:70 weighs 1.225 kg/L, so 1.5 mol/kg is
    # 1.5 / ((1 + 1.5 * 0.151905) / 1.225) mol/l.
    concentration = 1.5 * 1.225 / (1 + 1.5 * 0.151905)
    assert molality_from(concentration, 0.3) == pytest.approx(1.5, rel=0.01)
    concentration = 1.5 * 1.287 / (1 + 1.5 * 0.151905)
    assert molality_from(concentration, 0.5) == pytest.approx(1.5, rel=0.01)


def test_results_for_the_ledger() -> None:
    table = read_published(SECTION, Path())
    rows = {row.row: row for row in table.rows}
    identity, result = as_result(rows[4], table, SECTION)
    again, same = as_result(rows[4], table, SECTION)
    assert (identity, result) == (again, same)
    assert len({as_result(row, table, SECTION)[0] for row in table.rows}) == len(table.rows)
    assert identity.version == 5
    assert (result.quantity, result.method, result.request) == ("conductivity", "literature", None)
    assert result.provenance.simulated is False
    assert result.provenance.source is not None
    assert result.provenance.source.licence == "CC-BY-4.0"
    assert "row 4" in result.provenance.source.retrieved
    assert result.provenance.notes["work"] == NYMAN
    assert result.provenance.notes["published"]["k"] == 9.506518
    output = ConductivityOutput.model_validate(result.data)
    assert output.conductivity.value == pytest.approx(0.9506518)
    assert output.conductivity.uncertainty == pytest.approx(0.9506518 * (0.02**2 + 0.05**2) ** 0.5)
    assert output.temperature.value == 298.15
    asked = ConductivityInput.model_validate(result.parameters)
    molality, w_ec = molality_and_w_ec(asked.formulation)
    assert (molality, w_ec) == pytest.approx((rows[4].molality, 0.3))
    assert isinstance(output.run_info.formulation, Formulation)
    json.dumps(result.model_dump(mode="json"))


def test_one_offset_a_work() -> None:
    point = LiteraturePoint(0.9, 0.4, 0.9, DING, (1, 2))
    observation = as_observation(point, SPACE, SECTION)
    assert observation.point == (0.4, 0.9)
    assert observation.source == f"doi:{DING}"
    assert observation.uncertainty == pytest.approx(0.018)
    assert observation.offset == pytest.approx(0.045)


def test_unknown_dataset() -> None:
    with pytest.raises(ConfigurationError, match="known: calisol23_lipf6_ec_emc"):
        read_published(DatasetSection(dataset="none"), Path())


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        "doi,k,T,c,c units,solvent ratio type,EC,EMC\n"
        "lab,9.0,298.15,1.0,mol/kg,w,0.3,0.7\n"
        "lab,9.0,298.15,1.0,weight,w,0.3,0.7\n"
        "lab,9.0,298.15,1.0,mol/kg,w,0.3,0.5\n",
        encoding="utf-8",
    )
    section = DatasetSection(file=Path("mine.csv"), title="Our notebook", licence="CC0-1.0")
    table = read_published(section, tmp_path)
    assert len(table.rows) == 1
    assert table.left_out == {"salt in weight": 1, "other solvents": 1}
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="column 'doi' is missing"):
        read_published(section, tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_published(section, tmp_path / "nowhere")


PLANE = [
    LiteraturePoint(m, w, 0.5 + 0.3 * m - 0.2 * w, "a", (1,))
    for w in (0.2, 0.3, 0.5)
    for m in (0.5, 1.0, 1.4)
]


def test_literature_inside() -> None:
    found = literature_at(PLANE, 0.37, 0.81)
    assert found is not None
    assert found.inside
    assert found.conductivity == pytest.approx(0.5 + 0.3 * 0.81 - 0.2 * 0.37)
    assert found.uncertainty == pytest.approx(0.05 * found.conductivity)
    assert "interpolated between 9 published compositions (doi:a)" in found.describe(0.37, 0.81)


def test_literature_of_two_works_is_averaged() -> None:
    other = [LiteraturePoint(p.molality, p.w_ec, 1.1 * p.conductivity, "b", (1,)) for p in PLANE]
    found = literature_at([*PLANE, *other], 0.37, 0.81)
    assert found is not None
    assert found.dois == ("a", "b")
    assert found.conductivity == pytest.approx(1.05 * (0.5 + 0.3 * 0.81 - 0.2 * 0.37))


def test_literature_outside_says_how_far() -> None:
    found = literature_at(PLANE, 0.55, 1.0)
    assert found is not None
    assert not found.inside
    assert (found.w_ec, found.molality) == (0.5, 1.0)
    assert "which is 0.050 in w_EC and 0.000 mol/kg away (doi:a)" in found.describe(0.55, 1.0)


def test_literature_on_a_line_encloses_nothing() -> None:
    line = [p for p in PLANE if p.w_ec == 0.3]
    found = literature_at(line, 0.3, 0.9)
    assert found is not None
    assert not found.inside
    assert literature_at([], 0.3, 0.9) is None


def test_literature_at_the_optimum() -> None:
    table = read_published(SECTION, Path())
    near = table.near(298.15, SECTION.temperature_window)
    points = inside(at_temperature(near, 298.15, interpolate=True), SPACE, SECTION.margin)
    found = literature_at(points, 0.49, 0.855)
    assert found is not None
    assert found.inside
    assert found.dois == (DING,)
    # The fit to the same work has 0.945 there.
    assert found.conductivity == pytest.approx(0.945, rel=0.01)


def test_inside_has_a_margin() -> None:
    space = Space(
        (
            Dimension(name="molality", unit="mol/kg", minimum=0.5, maximum=1.0),
            Dimension(name="w_ec", minimum=0.2, maximum=0.3),
        )
    )
    assert len(inside(PLANE, space, 0.0)) == 4
    assert len(inside(PLANE, space, 2.0)) == 9
