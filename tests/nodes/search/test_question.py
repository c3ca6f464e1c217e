"""Questions in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import LabmeshError
from nodes.search._lexicon import Lexicon
from nodes.search._question import read_question
from nodes.search._reading import Reading
from nodes.search._scribe import edition, ontology_text
from nodes.search._services import Question
from nodes.search._store import TripleStore
from nodes.search._understand import understand

STORE = TripleStore(None)
STORE.found(ontology_text(), edition())
LEXICON = Lexicon.of(STORE)


def read(text: str) -> Reading:
    return read_question(text, LEXICON)


def labels(reading: Reading) -> tuple[str, ...]:
    return tuple(each.label for each in reading.containing)


def test_the_question_of_the_help() -> None:
    found = read("ionic conductivity of electrolytes containing LiPF6 above 1 S/m at 298 K")
    assert found.quantity is not None
    assert found.quantity.label == "IonicConductivity"
    assert found.object is not None
    assert found.object.label == "Electrolyte"
    assert labels(found) == ("LithiumHexafluorophosphate",)
    assert found.bound is not None
    assert (found.bound.low, found.bound.high) == (1.0, None)
    (condition,) = found.conditions
    assert (condition.low, condition.high) == (297.0, 299.0)
    assert not found.ignored


def test_units_are_converted_and_tolerances_taken() -> None:
    found = read("conductivity of EC/EMC electrolytes between 5 and 10 mS/cm at 25 °C ± 2 K")
    assert found.bound is not None
    assert (found.bound.low, found.bound.high) == (0.5, 1.0)
    (condition,) = found.conditions
    assert condition.low == pytest.approx(296.15)
    assert condition.high == pytest.approx(300.15)
    assert labels(found) == ("EthyleneCarbonate", "EthylMethylCarbonate")
    assert not found.site, "a list of solvents is no node"


def test_a_bound_on_something_else_is_a_condition() -> None:
    found = read("simulated ionic conductivity with temperature above 300 K")
    assert found.bound is None
    (condition,) = found.conditions
    assert condition.quantity is not None
    assert condition.quantity.label == "ThermodynamicTemperature"
    assert condition.low == 300.0
    assert found.simulated is True


def test_what_is_compared_is_what_is_asked_for() -> None:
    found = read("viscosity below 5 mPa s")
    assert found.quantity is not None
    assert found.quantity.label == "DynamicViscosity"
    assert found.bound is not None
    assert found.bound.high == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("text", "value"),
    [("above 1,5 S/m", 1.5), ("above 1,000 S/m", 1000.0), ("over -2.5e1 K", -25.0)],
)
def test_numbers_of_all_countries(text: str, value: float) -> None:
    found = read(f"conductivity {text}")
    (interval,) = [*filter(None, [found.bound]), *found.conditions]
    assert interval.low == value


def test_circumstances() -> None:
    found = read(
        "measured density without DMC in campaign eol-1 from kit/asab by method weighing since "
        "2026-11-01 until 2026-12-01T12:00 quality at least 4 of sample mix-7"
    )
    assert found.simulated is False
    assert [each.label for each in found.without] == ["DimethylCarbonate"]
    assert (found.campaign, found.site, found.method_name) == ("eol-1", "kit/asab", "weighing")
    assert (found.since, found.until) == ("2026-11-01T00:00:00Z", "2026-12-01T12:00:00Z")
    assert (found.quality, found.sample) == (4, "mix-7")
    assert not found.ignored


def test_what_is_not_understood_is_said() -> None:
    found = read("density of electrolytes with 1 M LiPF6 in purple flurbs")
    assert {"1", "purple", "flurbs"} <= set(found.ignored)
    assert labels(found) == ("LithiumHexafluorophosphate",)
    with pytest.raises(LabmeshError, match="nothing of the question was understood"):
        understand(Question(text="what of it"), LEXICON)
    with pytest.raises(LabmeshError, match="nothing was asked"):
        understand(Question(), LEXICON)


def test_options_count_before_words() -> None:
    asked = Question(
        text="density above 1 g/cm3", quantity="ionic conductivity", above="10 mS/cm",
        at=("temperature 25 degC +- 2 K",), containing=("LiPF6",),
    )  # fmt: skip
    found = understand(asked, LEXICON)
    assert found.quantity is not None
    assert found.quantity.label == "IonicConductivity"
    assert found.bound is not None
    assert found.bound.low == pytest.approx(1.0)
    (condition,) = found.conditions
    assert (condition.low, condition.high) == pytest.approx((296.15, 300.15))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Question(quantity="ionic conductivty"), "did you mean ionic conductivity"),
        (Question(containing=("LiPF7",)), "'LiPF7' is no substance of the vocabulary"),
        (Question(above="much"), "'much' is no number with a unit"),
        (Question(at=("298 K or so",)), "no number with a unit"),
        (Question(since="yesterday"), "'yesterday' is no day or time"),
    ],
)
def test_an_option_that_is_wrong_is_refused(asked: Question, words: str) -> None:
    with pytest.raises(LabmeshError) as caught:
        understand(asked, LEXICON)
    assert words in str(caught.value)


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    read(text)
