from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import chemistry
from messages.chemistry import (
    DEC,
    DMC,
    EA,
    EC,
    EMC,
    LIPF6,
    MOLAR_MASSES,
    NMC622,
    NMC811,
    PC,
    Chemical,
    Formulation,
    FractionType,
    RunInfo,
)
from messages.envelope import pack, unpack, validate
from messages.errors import BodyError

WEIGHTS = {
    "H": 1.008, "Li": 6.94, "C": 12.011, "O": 15.999, "F": 18.998403162, "P": 30.973761998,
}  # fmt: skip
"""Standard atomic weights in g/mol: IUPAC Commission on Isotopic Abundances, 2021."""

FORMULAS = {
    LIPF6: {"Li": 1, "P": 1, "F": 6},
    EC: {"C": 3, "H": 4, "O": 3},
    EMC: {"C": 4, "H": 8, "O": 3},
    DMC: {"C": 3, "H": 6, "O": 3},
    DEC: {"C": 5, "H": 10, "O": 3},
    PC: {"C": 4, "H": 6, "O": 3},
    EA: {"C": 4, "H": 8, "O": 2},
}

shares = st.dictionaries(
    st.sampled_from(list(FORMULAS)), st.floats(1e-3, 1e3), min_size=1, max_size=7
)


def part(fraction: float, **chemical: str) -> dict[str, Any]:
    return {"fraction": fraction, "chemical": chemical or {"smiles": "C"}}


def test_molar_masses_follow_from_the_formulas() -> None:
    assert set(MOLAR_MASSES) == {chemical.key for chemical in FORMULAS}
    for chemical, formula in FORMULAS.items():
        mass = sum(WEIGHTS[element] * count for element, count in formula.items()) / 1000
        assert MOLAR_MASSES[chemical.key] == pytest.approx(mass, abs=1e-6)


def test_keys_of_the_constants_are_unique() -> None:
    constants = [value for value in vars(chemistry).values() if isinstance(value, Chemical)]
    assert len({chemical.key for chemical in constants}) == len(constants) >= 12
    assert NMC622.key == "LiNi0.6Mn0.2Co0.2O2"
    assert NMC811.inchikey == ""
    assert EC.key == "KMTRUDSVKNLOMY-UHFFFAOYSA-N"


@given(shares, st.sampled_from(["mole", "mass"]))
def test_formulations_round_trip(mixture: dict[Chemical, float], kind: FractionType) -> None:
    formulation = Formulation.of(mixture, kind)
    assert Formulation.model_validate(unpack(pack(formulation))) == formulation
    assert math.fsum(c.fraction for c in formulation.components) == pytest.approx(1, abs=1e-12)
    for chemical in FORMULAS:
        assert (formulation.fraction(chemical) > 0) == (chemical in mixture)


@given(shares)
def test_mole_and_mass_fractions_convert_both_ways(mixture: dict[Chemical, float]) -> None:
    mole = Formulation.of(mixture)
    mass = mole.converted("mass", MOLAR_MASSES)
    again = mass.converted("mole", MOLAR_MASSES)
    assert mass.fraction_type == "mass"
    for chemical in mixture:
        assert again.fraction(chemical) == pytest.approx(mole.fraction(chemical))
    assert mole.converted("mole", {}) is mole


def test_equal_moles_of_ec_and_emc_by_mass() -> None:
    mass = Formulation.of({EC: 1, EMC: 1}).converted("mass", MOLAR_MASSES)
    assert mass.fraction(EC) == pytest.approx(88.062 / (88.062 + 104.105), abs=1e-5)


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ([], "body.components: Tuple should have at least 1 item"),
        ([part(0.5)], "body: fractions sum to 0.5, not to 1"),
        ([part(1.000002)], "body.components.0.fraction: Input should be less than or equal to 1"),
        ([part(-0.1), part(1.0, name="x")], "body.components.0.fraction: Input should be greater"),
        ([part(0.5), part(0.5)], "body: C comes more than once"),
        ([part(0.5), part(0.499998, name="x")], "fractions sum to 0.999998, not to 1"),
        ([part(1.0, name="")], "a chemical has an InChIKey, a SMILES or a name"),
        ([part(1.0, inchikey="w")], "body.components.0.chemical.inchikey"),
    ],
)
def test_refusals_name_the_problem(components: list[Any], reason: str) -> None:
    with pytest.raises(BodyError) as caught:
        validate(Formulation, {"components": components, "fraction_type": "mole"}, where="body")
    assert reason in str(caught.value)


def test_sums_within_the_tolerance_are_taken() -> None:
    parts = [part(0.5), part(0.5000009, name="x")]
    assert validate(Formulation, {"components": parts, "fraction_type": "mass"}, where="")


def test_fraction_types() -> None:
    with pytest.raises(BodyError, match="fraction_type: Input should be 'mole' or 'mass'"):
        validate(Formulation, {"components": [part(1.0)], "fraction_type": "molPerMol"}, where="")


def test_shares_without_a_positive_one() -> None:
    with pytest.raises(ValueError, match="a formulation has at least one positive share"):
        Formulation.of({EC: 0.0})
    with pytest.raises(ValueError, match="and none below 0"):
        Formulation.of({EC: 2.0, EMC: -1.0})


def test_conversion_needs_molar_masses() -> None:
    with pytest.raises(ValueError, match=r"no molar mass of LiNi0\.6Mn0\.2Co0\.2O2"):
        Formulation.of({NMC622: 1, EC: 1}).converted("mass", MOLAR_MASSES)


def test_dates_are_dates() -> None:
    body = {
        "formulation": Formulation.of({EC: 1}),
        "internal_reference": "run 1",
        "chemicals_info": {EC.key: {"manufacturing_date": "27.07.2023"}},
    }
    with pytest.raises(BodyError, match=f"{EC.key}.manufacturing_date: Input should be a valid da"):
        validate(RunInfo, body, where="body")
