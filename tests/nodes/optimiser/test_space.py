from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.errors import ConfigurationError
from nodes.optimiser import Dimension, LinearConstraint, Space

finite = st.floats(-1e6, 1e6)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    dimensions = []
    for index in range(draw(st.integers(1, 4))):
        low = draw(finite)
        width = draw(st.floats(1e-3, 1e6))
        dimensions.append(Dimension(name=f"x{index}", minimum=low, maximum=low + width))
    return Space(tuple(dimensions))


@given(spaces(), st.data())
def test_normalise_and_back(space: Space, data: st.DataObject) -> None:
    unit = np.array([[data.draw(st.floats(0, 1)) for _ in range(space.size)]])
    points = space.denormalise(unit)
    assert space.contains(points).all()
    assert np.allclose(space.normalise(points), unit, atol=1e-6)


@given(st.floats(0.2, 0.5))
def test_steps_stay_inside_and_are_multiples(value: float) -> None:
    dimension = Dimension(name="w", minimum=0.2, maximum=0.5, step=0.001)
    snapped = float(dimension.snap(np.array([value]))[0])
    assert 0.2 <= snapped <= 0.5
    assert abs(snapped - value) <= 0.0005 + 1e-12
    assert snapped == round(snapped, 3)


def test_steps_that_miss_the_bounds_stay_inside() -> None:
    dimension = Dimension(name="w", minimum=0.25, maximum=0.95, step=0.1)
    assert dimension.snap(np.array([0.0, 1.0])).tolist() == [0.3, 0.9]


@pytest.mark.parametrize(
    ("low", "high", "step", "words"),
    [
        (1.0, 1.0, None, "is not below its maximum"),
        (0.0, float("inf"), None, "not finite"),
        (0.0, 1.0, 2.0, "step"),
    ],
)
def test_bad_dimensions(low: float, high: float, step: float | None, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Dimension(name="w", minimum=low, maximum=high, step=step)


def test_names_are_distinct() -> None:
    one = Dimension(name="x", minimum=0, maximum=1)
    with pytest.raises(ConfigurationError):
        Space((one, one))
    with pytest.raises(ConfigurationError):
        Space(())


def test_describe_and_point() -> None:
    space = Space(
        (
            Dimension(name="w_ec", minimum=0, maximum=1),
            Dimension(name="molality", unit="mol/kg", minimum=0, maximum=2),
        )
    )
    assert space.describe((0.49, 0.855)) == "w_ec 0.49, molality 0.855 mol/kg"
    assert space.point({"molality": 1, "w_ec": 0.3}) == (0.3, 1.0)


def test_linear_constraint() -> None:
    space = Space(tuple(Dimension(name=n, minimum=0, maximum=1) for n in "xy"))
    constraint = LinearConstraint({"x": 1.0, "y": 2.0}, 1.0)
    assert constraint.allows(space, np.array([[1.0, 0.0], [0.5, 0.3]])).tolist() == [True, False]
