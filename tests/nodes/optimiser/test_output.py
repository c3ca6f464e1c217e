from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.optimiser._output import Output


def lives(*pairs: tuple[float, float | None]) -> dict[str, Any]:
    return {
        "predictions": [
            {"end_of_life": {"value": value, "uncertainty": own, "unit": "1"}}
            for value, own in pairs
        ]
    }


MEAN = Output("predictions[*].end_of_life", "1", "mean")


def test_a_path_that_fans_out_is_reduced() -> None:
    value, uncertainty, trouble = MEAN.read(lives((100, 3), (110, 4), (120, 5)))
    assert not trouble
    assert value == 110
    # Spread 10 among three, and own uncertainties of 3, 4 and 5.
    assert uncertainty == pytest.approx(math.sqrt((100 + (9 + 16 + 25) / 3) / 3))


@pytest.mark.parametrize(
    ("reduce", "value", "uncertainty"),
    [
        ("median", 110, math.sqrt(math.pi / 2) * math.sqrt((100 + 50 / 3) / 3)),
        ("min", 100, 10.0),
        ("max", 120, 10.0),
    ],
)
def test_other_ways_to_reduce(reduce: Any, value: float, uncertainty: float) -> None:
    found = Output(MEAN.path, "1", reduce).read(lives((100, 3), (110, 4), (120, 5)))
    assert found[0] == value
    assert found[1] == pytest.approx(uncertainty)


def test_one_of_a_batch_speaks_for_itself() -> None:
    assert MEAN.read(lives((100, 7))) == (100.0, 7.0, "")
    assert MEAN.read(lives((100, None))) == (100.0, 0.0, "")


def test_cells_without_a_prediction_are_left_out() -> None:
    data = lives((100, 1), (120, 1))
    data["predictions"].append({"cell": "broken"})
    assert MEAN.read(data)[0] == 110


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("predictions[*].end_of_life", {"predictions": []}, "have no predictions"),
        ("predictions[*].end_of_life", {}, "have no predictions"),
        ("a.b", {"a": [1]}, "have no a.b"),
        ("a[2]", {"a": [1]}, r"have no a\[2\]"),
        ("a", {"a": True}, "is no number"),
        ("a", {"a": {"value": 1.0, "unit": "cycles"}}, "is in cycles, not in 1"),
        ("a", {"a": math.inf}, "is not finite"),
    ],
)
def test_what_is_wrong_is_said(path: str, data: dict[str, Any], words: str) -> None:
    value, _, trouble = Output(path, "1", "mean" if "*" in path else None).read(data)
    assert value is None
    assert trouble.startswith("its ")
    assert words.replace("\\", "") in trouble


def test_one_of_a_list() -> None:
    assert Output("a[1].b", "1").read({"a": [{"b": 1}, {"b": 2.5}]}) == (2.5, 0.0, "")


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(0, 100)), min_size=1, max_size=20))
def test_reduced_values_lie_among_their_own(pairs: list[tuple[float, float]]) -> None:
    data = lives(*pairs)
    low, high = min(v for v, _ in pairs), max(v for v, _ in pairs)
    for how in ("mean", "median", "min", "max"):
        value, uncertainty, trouble = Output(MEAN.path, "1", how).read(data)
        assert not trouble
        assert value is not None
        assert low - 1e-6 <= value <= high + 1e-6
        assert uncertainty >= 0
