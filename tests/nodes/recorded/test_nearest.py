"""The nearest recorded parameters, named so that they can be asked."""

from __future__ import annotations

from typing import Any

from messages.formulation_algebra import formulation_from
from nodes.optimiser._nearest import nearest_named
from nodes.optimiser._space import Dimension, Space
from nodes.recorded._nearest import as_mixture, in_words, leaves, nearest
from nodes.recorded._record import canonical


def known(*parameters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(canonical(each), leaves(each)) for each in parameters]


def test_numbers_count_by_their_range_and_words_as_a_whole() -> None:
    record = known(
        {"x": 0.0, "y": 1000.0, "team": "red"},
        {"x": 1.0, "y": 0.0, "team": "red"},
        {"x": 0.5, "y": 500.0, "team": "blue"},
    )
    found = nearest(leaves({"x": 0.1, "y": 900.0, "team": "red"}), record)
    assert found is not None
    assert found[1] == {"x": 0.0, "y": 1000.0, "team": "red"}
    found = nearest(leaves({"x": 0.5, "y": 500.0, "team": "red"}), record)
    assert found is not None
    assert found[1]["team"] == "red", "0.7 of the ranges is nearer than another word"
    assert nearest({}, []) is None


def test_an_optimiser_understands_the_hint() -> None:
    record = known({"x": 0.25, "y": 7e-5, "team": "red"}, {"x": 1.0, "y": 3e-5, "team": "red"})
    wanted = leaves({"x": 0.3, "y": 7e-5, "team": "red"})
    found = nearest(wanted, record)
    assert found is not None
    words = in_words(wanted, found[1], record)
    assert words == "x 0.25, y 7e-05"
    space = Space(
        (
            Dimension(name="x", unit="1", minimum=0.0, maximum=1.0),
            Dimension(name="y", unit="1", minimum=0.0, maximum=1e-4),
        )
    )
    assert nearest_named(f"the nearest recorded one has {words}", space) == (0.25, 7e-5)


def test_one_and_one_point_nought_are_the_same_question() -> None:
    assert canonical({"x": 1, "y": [2.0]}) == canonical({"y": [2], "x": 1.0})
    assert canonical({"x": True}) != canonical({"x": 1})
    assert canonical({"x": 2**60}) != canonical({"x": 2**60 + 1})
    assert canonical({"x": 0.1 + 0.2}) == canonical({"x": 0.3})
    assert canonical({"x": 0.3}) != canonical({"x": 0.3000001})


def test_a_mixture_is_named_as_campaigns_name_it() -> None:
    mixture = formulation_from(0.877, 0.431).model_dump(mode="json")
    words = as_mixture({"formulation": mixture, "temperature": 298.15})
    assert words == "w_ec 0.431, molality 0.877 mol/kg"
    assert as_mixture({"temperature": 298.15}) == ""
