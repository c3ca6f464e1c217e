"""A question's options and words, put together."""

from __future__ import annotations

import re
from typing import Final

from messages.errors import LabmeshError
from nodes.search import _lexicon as lx
from nodes.search._lexicon import Concept, Lexicon
from nodes.search._question import read_question
from nodes.search._reading import NUMBER, Range, Reading, around, instant, tidy, unit_at
from nodes.search._services import Question
from nodes.search._units import Unit

_CONDITION: Final = re.compile(
    rf"\s*(?P<of>[A-Za-z][A-Za-z ]*?)?\s*({NUMBER})(?P<rest>.*)", re.DOTALL
)
_WIDTH: Final = re.compile(rf"\s*(?:±|\+/?-)\s*({NUMBER})(?P<rest>.*)", re.DOTALL)


def understand(question: Question, lexicon: Lexicon) -> Reading:
    """Return what is asked; an option counts before the words.

    Raises:
        LabmeshError: Nothing was asked, or an option names or compares what is not known.
    """
    reading = read_question(question.text, lexicon)
    _concepts(question, reading, lexicon)
    _numbers(question, reading, lexicon)
    _plain(question, reading)
    if reading.empty:
        near = [name for word in reading.ignored for name in lexicon.near(word)][:3]
        raise LabmeshError(
            "nothing of the question was understood" if question.text else "nothing was asked",
            where="question",
            remedy=f"did you mean {', '.join(near)}?" if near
            else "name a quantity (density), a substance (LiPF6), a campaign, a day ...",
        )  # fmt: skip
    for word in reading.ignored:
        if near := [name for name in lexicon.near(word) if len(word) > 3]:
            reading.hints.append(f"{word}: did you mean {', '.join(near)}?")
    return reading


def _concepts(question: Question, reading: Reading, lexicon: Lexicon) -> None:
    if question.quantity:
        reading.quantity = _named(question.quantity, "quantity", lexicon, lx.QUANTITY)
        reading.means("--quantity", f"quantity {reading.quantity.words}", reading.quantity)
    for option, kept in (("containing", reading.containing), ("without", reading.without)):
        for name in getattr(question, option):
            concept = _named(name, option, lexicon, lx.SUBSTANCE)
            kept.append(concept)
            verb = "containing" if option == "containing" else "not containing"
            reading.means(f"--{option}", f"{verb} {concept.label}", concept)
    if question.sample:
        reading.object = lexicon.find(question.sample, lx.OBJECT)
        if reading.object is None:
            reading.sample = question.sample
        shown = reading.object.words if reading.object else question.sample
        reading.means("--sample", f"sample {shown}", reading.object)
    if question.method:
        reading.method = lexicon.find(question.method, lx.METHOD)
        if reading.method is None:
            reading.method_name = question.method
        shown = reading.method.words if reading.method else question.method
        reading.means("--method", f"method {shown}", reading.method)


def _numbers(question: Question, reading: Reading, lexicon: Lexicon) -> None:
    low, high, unit = None, None, None
    for option in ("above", "below"):
        if text := getattr(question, option):
            value, unit, rest = _value(text, option)
            if rest.strip():
                raise _no_value(text, option)
            value = unit.to_si(value) if unit else value
            low, high = (value, high) if option == "above" else (low, value)
    if low is not None or high is not None:
        reading.bound = Range(low, high, unit)
        reading.means("--above, --below", f"value {reading.bound.words()}")
    for text in question.at:
        found = _CONDITION.fullmatch(tidy(text))
        if found is None:
            raise _no_value(text, "at")
        name = (found["of"] or "").strip()
        of = _named(name, "at", lexicon, lx.QUANTITY) if name else None
        unit, length = unit_at(found["rest"])
        rest, width = found["rest"][length:], None
        if wide := _WIDTH.fullmatch(rest):
            width = float(wide[1])
            other, length = unit_at(wide["rest"])
            if other is not None and unit is not None:
                width *= other.factor / unit.factor
            rest = wide["rest"][length:]
        if rest.strip():
            raise _no_value(text, "at")
        condition = around(float(found[2]), unit, width, of)
        reading.conditions.append(condition)
        reading.means("--at", f"{of.words if of else 'condition'} {condition.words()}", of)


def _plain(question: Question, reading: Reading) -> None:
    for option in ("campaign", "site"):
        if value := getattr(question, option):
            setattr(reading, option, value)
            reading.means(f"--{option}", f"{option} {value}")
    for option in ("since", "until"):
        if value := getattr(question, option):
            setattr(reading, option, instant(value, option))
            reading.means(f"--{option}", f"{option} {getattr(reading, option)}")
    if question.simulated is not None:
        reading.simulated = question.simulated
        reading.means("--simulated" if question.simulated else "--measured",
                      "only simulated" if question.simulated else "only measured")  # fmt: skip
    if question.quality is not None:
        reading.quality = question.quality
        reading.means("--quality", f"least quality {question.quality}")


def _named(name: str, option: str, lexicon: Lexicon, kind: str) -> Concept:
    found = lexicon.find(name, kind)
    if found is None:
        near = lexicon.near(name, kind) or lexicon.near(name)
        raise LabmeshError(
            f"{name!r} is no {kind} of the vocabulary", where=option,
            remedy=f"did you mean {', '.join(near)}?" if near
            else "take a label of the vocabulary: docs/semantics.md",
        )  # fmt: skip
    return found


def _value(text: str, option: str) -> tuple[float, Unit | None, str]:
    found = re.match(rf"\s*({NUMBER})", tidy(text))
    if found is None:
        raise _no_value(text, option)
    rest = tidy(text)[found.end() :]
    unit, length = unit_at(rest)
    return float(found[1]), unit, rest[length:]


def _no_value(text: str, option: str) -> LabmeshError:
    return LabmeshError(
        f"{text!r} is no number with a unit", where=option,
        remedy="write '1 S/m', '25 degC', '298 K +- 2 K'",
    )  # fmt: skip
