"""Units as people write them."""

from __future__ import annotations

import pytest

from labmesh.semantics import vocabulary
from nodes.search._units import read_unit, unit_of


@pytest.mark.parametrize(
    ("text", "value", "si"),
    [
        ("S/m", 1.0, 1.0),
        ("mS/cm", 10.0, 1.0),
        ("S·m⁻¹", 2.0, 2.0),
        ("°C", 25.0, 298.15),
        ("degC", -20.0, 253.15),
        ("C", 25.0, 298.15),
        ("K", 298.15, 298.15),
        ("g/cm3", 1.2, 1200.0),
        ("g/cm^3", 1.2, 1200.0),
        ("mPa s", 3.0, 0.003),
        ("cP", 3.0, 0.003),
        ("mAh/g", 1.0, 3600.0),
        ("mA.h/cm^2", 1.0, 36000.0),
        ("M", 1.0, 1000.0),
        ("%", 80.0, 0.8),
        ("kΩ", 1.0, 1000.0),
        ("A/(A.h)", 3600.0, 1.0),
    ],
)
def test_a_value_in_si(text: str, value: float, si: float) -> None:
    unit = read_unit(text)
    assert unit is not None
    assert unit.to_si(value) == pytest.approx(si, rel=1e-12)
    assert unit.from_si(si) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", "foo", "S//m", "in", "LiPF6", "/", "m^x", "S/"])
def test_what_is_no_unit(text: str) -> None:
    assert read_unit(text) is None


def test_every_unit_of_the_vocabulary_is_known() -> None:
    missing = [
        symbol
        for entry in vocabulary().entries()
        for symbol in entry.symbols
        if unit_of(symbol) is None
    ]
    assert not missing
