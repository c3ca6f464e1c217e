from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.chemistry import DMC, EC, EMC, LIPF6, MOLAR_MASSES, NMC622, Formulation
from messages.errors import BodyError
from messages.formulation_algebra import (
    formulation_from,
    mass_to_mole,
    molality_and_w_ec,
    mole_to_mass,
)

molalities = st.floats(0, 10)
shares = st.floats(0, 1)


def test_one_molal_by_hand() -> None:
    # 1 kg of solvent with 1 mol of salt: 0.3/0.088062 mol EC, 0.7/0.104105 mol EMC
    ec, emc = 0.3 / 0.088062, 0.7 / 0.104105
    total = 1 + ec + emc
    mixture = formulation_from(1.0, 0.3)
    assert mixture.fraction_type == "mole"
    assert [c.chemical for c in mixture.components] == [LIPF6, EC, EMC]
    assert mixture.fraction(LIPF6) == pytest.approx(1 / total)
    assert mixture.fraction(EC) == pytest.approx(ec / total)
    assert mixture.fraction(EMC) == pytest.approx(emc / total)


@given(molalities, shares)
def test_there_and_back(molality: float, w_ec: float) -> None:
    mixture = formulation_from(molality, w_ec)
    for form in (mixture, mole_to_mass(mixture)):
        again = molality_and_w_ec(form)
        assert again == pytest.approx((molality, w_ec), rel=1e-9, abs=1e-12)


@given(molalities, shares)
def test_mass_fractions_give_the_same_mole_fractions(molality: float, w_ec: float) -> None:
    mixture = formulation_from(molality, w_ec)
    again = mass_to_mole(mole_to_mass(mixture))
    for component in mixture.components:
        assert again.fraction(component.chemical) == pytest.approx(component.fraction, abs=1e-12)


def test_mass_fractions_are_of_the_whole_mixture() -> None:
    mass = mole_to_mass(formulation_from(1.0, 0.5))
    salt = MOLAR_MASSES[LIPF6.key]
    assert mass.fraction_type == "mass"
    assert mass.fraction(LIPF6) == pytest.approx(salt / (1 + salt))
    assert mass.fraction(EC) == pytest.approx(0.5 / (1 + salt))


def test_the_edges_exist() -> None:
    assert molality_and_w_ec(formulation_from(0.0, 0.0)) == (0.0, 0.0)
    assert molality_and_w_ec(Formulation.of({EC: 1.0})) == (0.0, 1.0)


@pytest.mark.parametrize("molality", [-1e-9, math.nan, math.inf])
def test_an_impossible_molality_is_named(molality: float) -> None:
    with pytest.raises(BodyError, match="molality") as caught:
        formulation_from(molality, 0.3)
    assert caught.value.where == "molality"


@pytest.mark.parametrize("w_ec", [-0.1, 1.1, math.nan])
def test_an_impossible_share_of_ec_is_named(w_ec: float) -> None:
    with pytest.raises(BodyError, match="w_ec"):
        formulation_from(1.0, w_ec)


def test_another_chemical_is_named() -> None:
    with pytest.raises(BodyError, match="dimethyl carbonate"):
        molality_and_w_ec(Formulation.of({LIPF6: 0.1, EC: 0.5, DMC: 0.4}))


def test_an_absent_chemical_does_not_matter() -> None:
    mixture = Formulation.of({LIPF6: 0.1, EC: 0.5, EMC: 0.4, DMC: 0.0})
    assert molality_and_w_ec(mixture)[0] > 0


def test_salt_alone_has_no_molality() -> None:
    with pytest.raises(BodyError, match="no solvent"):
        molality_and_w_ec(Formulation.of({LIPF6: 1.0}))


def test_an_unknown_molar_mass_is_named() -> None:
    with pytest.raises(BodyError, match=r"no molar mass of LiNi0\.6Mn0\.2Co0\.2O2"):
        mole_to_mass(Formulation.of({NMC622: 1.0}))
