"""The conductivity equations against their data, against others' data, and at their limits."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.chemistry import DMC, EC, EMC, LIPF6, MOLAR_MASSES, PC, Formulation
from messages.errors import OrderError
from messages.formulation_algebra import formulation_from, mole_to_mass
from nodes.aiida import Composition, composition_of, shipped_model
from nodes.aiida._equations import EC_EMC, PC_EC_EMC
from nodes.aiida._grouped_fit import fit_grouped
from nodes.aiida.fit import COEFFICIENTS, describe, read_calisol, read_flores, same

SHARED = Path(__file__).parents[4] / "shared" / "data" / "science"
DING = "10.1149/1.1403730"


def shared(name: str) -> list[dict[str, str]]:
    path = SHARED / name
    assert path.exists(), f"{path} is missing: this test compares with data that do not ship"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def binary(molality: float, w_ec: float) -> Composition:
    return Composition(molality=molality, ec=w_ec, emc=1 - w_ec, pc=0.0)


def ternary(molality: float, r: float, cyclic: float = 0.3) -> Composition:
    return Composition(molality=molality, ec=cyclic * (1 - r), emc=1 - cyclic, pc=cyclic * r)


def test_the_shipped_coefficients_are_those_of_the_shipped_data() -> None:
    assert same(describe(), json.loads(COEFFICIENTS.read_text("utf-8")))


def test_no_point_of_ding_et_al_is_among_the_data() -> None:
    assert DING not in read_calisol().group


def test_the_equation_of_flores_et_al_comes_out_near_the_published_coefficients() -> None:
    ours = read_flores().fit(PC_EC_EMC).coefficients
    published = 0.1 * np.array([-5.11, -0.04, -0.35, 2.73e-4])
    assert ours == pytest.approx(published, rel=0.15)


def test_with_pc_it_agrees_with_polynomials_of_another_analysis() -> None:
    def compared(*, swapped: bool) -> tuple[float, float]:
        """Return the RMS error in S/m, and the share within twice the stated uncertainty."""
        errors, stated = [], []
        for row in shared("rahmanian2022_golden_200.csv"):
            r = float(row["PcEcPc"])
            molality = float(row["liEcPc"]) * 0.3 / MOLAR_MASSES[LIPF6.key]
            mixture = ternary(molality, 1 - r if swapped else r)
            try:
                found = shipped_model().predict(mixture, 273.15 + float(row["temperature"]))
            except OrderError:
                continue
            errors.append(abs(found.conductivity - 100 * float(row["conductivity"])))
            stated.append(found.uncertainty)
        assert len(errors) > 180
        covered = np.array(errors) < 2 * np.array(stated)
        return float(np.sqrt(np.mean(np.square(errors)))), float(covered.mean())

    missed, covered = compared(swapped=False)
    assert missed < 0.05
    assert covered > 0.95
    assert compared(swapped=True)[0] > 1.25 * missed, "r is PC/(PC + EC), not EC/(PC + EC)"


def test_the_ratio_that_the_file_does_not_state_is_3_to_7() -> None:
    polynomials = json.loads((SHARED / "rahmanian2022_polynomial.json").read_text("utf-8"))
    points = read_flores()

    def missed(cyclic: float) -> float:
        salt = points.molality * MOLAR_MASSES[LIPF6.key] / cyclic
        errors = []
        for celsius, entry in polynomials["temperatures_C"].items():
            near = np.abs(points.temperature - 273.15 - float(celsius)) < 0.1
            near &= (salt > 0.3) & (salt < 1.1)
            x, y = points.share[near], salt[near]
            terms = [x**0, x, y, x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3]
            theirs = 0.1 * np.array(entry["coef"]) @ np.array(terms)
            errors.append(np.abs(theirs / points.conductivity[near] - 1))
        return float(np.median(np.concatenate(errors)))

    assert missed(0.3) < 0.05
    assert missed(0.5) > 0.2


def test_it_finds_the_trend_of_ding_et_al_without_their_data() -> None:
    molality = np.arange(0.42, 1.82, 0.005)
    found = [shipped_model().predict(binary(m, 0.3), 298.15) for m in molality]
    values = np.array([p.conductivity for p in found])
    best = int(values.argmax())
    assert (np.diff(values[: best + 1]) > 0).all()
    assert (np.diff(values[best:]) < 0).all()
    assert molality[best] == pytest.approx(1.044, abs=0.1)
    assert values[best] == pytest.approx(0.879, rel=0.05)
    assert abs(values[best] - 0.879) < found[best].uncertainty


def test_its_stated_uncertainty_covers_ding_et_al() -> None:
    off = []
    for row in shared("calisol23_lipf6_ec_emc.csv"):
        if row["doi"] != DING or row["flag"]:
            continue
        try:
            found = shipped_model().predict(
                binary(float(row["c"]), float(row["EC"])), float(row["T"])
            )
        except OrderError:
            continue
        off.append(abs(found.conductivity - 0.1 * float(row["k"])) / found.uncertainty)
    assert len(off) > 250
    # What a standard uncertainty promises is 68 and 95 %.
    assert 0.6 < np.mean(np.array(off) < 1) < 0.8
    assert np.mean(np.array(off) < 2) > 0.92


def test_more_ec_than_was_fitted_is_rated_lower_and_less_certain() -> None:
    within, beyond = (shipped_model().predict(binary(1.0, w), 298.15) for w in (0.3, 0.5))
    assert (within.rating, beyond.rating) == (3, 2)
    assert beyond.left == ("w_EC 0.5 is above 0.3",)
    assert "w_EC 0.5 is above 0.3" in beyond.reason
    assert beyond.parts["extrapolation"] > 0 == within.parts["extrapolation"]
    share = beyond.uncertainty / beyond.conductivity
    assert share > 1.5 * within.uncertainty / within.conductivity


def test_where_the_error_exceeds_the_value_the_rating_is_lowest() -> None:
    found = shipped_model().predict(ternary(0.7, 0.5), 243.15)
    assert found.uncertainty > 0.3 * found.conductivity
    assert shipped_model().predict(ternary(1.5, 0.1), 243.15).rating == 1


@pytest.mark.parametrize(
    ("composition", "kelvin", "words"),
    [
        (binary(1.0, 0.7), 298.15, "w_EC 0.7 is above 0.55"),
        (binary(1.0, 0.02), 298.15, "w_EC 0.02 is below 0.1"),
        (binary(3.0, 0.3), 298.15, "molality 3 mol/kg is above 2.25 mol/kg"),
        (binary(1.0, 0.3), 200.0, "temperature 200 K is below 253.15 K"),
        (ternary(1.0, 0.5, cyclic=0.5), 298.15, "(EC+PC)/solvent 0.5 is above 0.33"),
        (ternary(2.1, 1.0), 243.15, "gives no positive conductivity"),
    ],
)
def test_where_no_equation_reaches_it_says_so(
    composition: Composition, kelvin: float, words: str
) -> None:
    with pytest.raises(OrderError) as refusal:
        shipped_model().predict(composition, kelvin)
    assert words in str(refusal.value)
    assert refusal.value.remedy


def test_a_composition_is_the_same_from_mole_and_from_mass_fractions() -> None:
    asked = formulation_from(1.2, 0.35)
    for formulation in (asked, mole_to_mass(asked)):
        found = composition_of(formulation)
        assert found.molality == pytest.approx(1.2)
        assert found.w_ec == pytest.approx(0.35)
        assert found.pc == 0


def test_a_composition_with_pc() -> None:
    shares = {LIPF6: 1.0 * MOLAR_MASSES[LIPF6.key], PC: 0.12, EC: 0.18, EMC: 0.7}
    found = composition_of(Formulation.of(shares, "mass"))
    assert found.molality == pytest.approx(1.0)
    assert found.r == pytest.approx(0.4)
    assert found.cyclic == pytest.approx(0.3)


def test_other_chemicals_and_no_solvent_are_refused() -> None:
    with pytest.raises(OrderError, match="no equation knows dimethyl carbonate"):
        composition_of(Formulation.of({LIPF6: 1, DMC: 8, EC: 2}))
    with pytest.raises(OrderError, match="without solvent"):
        composition_of(Formulation.of({LIPF6: 1}))


@given(
    st.floats(0.2, 2.2), st.floats(0.0, 1.0), st.floats(243.2, 343.0), st.sampled_from((0.0, 0.3))
)
def test_an_answer_is_finite_and_positive_and_uncertain(
    molality: float, share: float, kelvin: float, cyclic: float
) -> None:
    mixture = ternary(molality, share, cyclic) if cyclic else binary(molality, share)
    try:
        found = shipped_model().predict(mixture, kelvin)
    except OrderError:
        return
    assert 0 < found.conductivity < 3
    assert 0 < found.uncertainty < 3
    assert found.uncertainty**2 == pytest.approx(sum(p**2 for p in found.parts.values()))
    assert found.rating in {1, 2, 3}


def test_groups_with_offsets_of_their_own_make_a_fit_less_certain() -> None:
    random = np.random.default_rng(1)
    names = [f"lab {n}" for n in range(8) for _ in range(40)]
    x = random.uniform(0, 1, 320)
    offsets = np.repeat(random.normal(0, 0.3, 8), 40)
    y = 1.0 + 2.0 * x + offsets + random.normal(0, 0.05, 320)
    design = np.stack([np.ones(320), x], axis=1)
    fit = fit_grouped(design, y, names)
    naive = fit_grouped(design, y, [str(n) for n in range(320)])
    assert fit.coefficients == pytest.approx([1.0, 2.0], abs=0.3)
    assert fit.within == pytest.approx(0.05, rel=0.2)
    assert fit.between == pytest.approx(float(np.std(offsets[::40])), rel=0.5)
    assert fit.covariance[0, 0] > 4 * naive.covariance[0, 0]
    assert fit.covariance[1, 1] < naive.covariance[1, 1]


def test_too_few_points_are_said() -> None:
    points = np.array([1.0, 1.1, 1.2])
    design = EC_EMC.design(points, points / 4, 298 * points)
    with pytest.raises(ValueError, match="3 points do not determine 10 terms"):
        fit_grouped(design, points, ["a"] * 3)
