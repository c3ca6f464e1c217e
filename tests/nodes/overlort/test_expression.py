"""Expressions and templates: what they mean, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from messages.array import Array
from nodes.overlort._expression import ExpressionError, parse
from nodes.overlort._functions import FUNCTIONS
from nodes.overlort._template import TemplateError, compile_template, render

NAMES = frozenset({"input", "steps", "item", "index"})
CELLS = [
    {"status": "resolved", "data": {"q": 1.5, "tags": ["a"]}, "index": 0},
    {"status": "failed", "data": None, "index": 1},
    {"status": "resolved", "data": {"q": 2.5, "tags": ["b", "c"]}, "index": 2},
]


class _Holder(BaseModel):
    array: Array


def wire(values: Any) -> dict[str, Any]:
    return dict(_Holder(array=np.asarray(values, dtype="<f8")).model_dump()["array"])


WORLD = {
    "input": {"n": 3, "x": 0.5, "word": "salt", "none": None, "array": wire([1, 2, 3, 4, 5])},
    "steps": {"cycle": CELLS},
    "item": CELLS[0],
    "index": 0,
}

MANY = " ".join(f"for {name} in values(input.array)" for name in "abcdefgh")


def value(text: Any) -> Any:
    return render(compile_template(text, NAMES), WORLD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${input.n}", 3),
        ("${input.n + 1}", 4),
        ("n is ${input.n}, x is ${input.x}", "n is 3, x is 0.5"),
        ("$${input.n}", "${input.n}"),
        ("${'}' + input.word}", "}salt"),
        ("${steps.cycle[*].data.q}", [1.5, None, 2.5]),
        ("${resolved(steps.cycle)[*].data.tags[*]}", ["a", "b", "c"]),
        ("${[c.data.q for c in steps.cycle if c.status == 'resolved'][-1]}", 2.5),
        ("${steps.cycle[1].data.q.deeper.still}", None),
        ("${input.gone or 7}", 7),
        ("${input.n if input.n > 2 else 0}", 3),
        ("${max(1, input.n // 2)}", 1),
        ("${min([3, 2])}", 2),
        ("${mean(input.array)}", 3.0),
        ("${len(input.array)}", 5),
        ("${values(thin(input.array, 3))}", [1.0, 3.0, 5.0]),
        ("${thin([1, 2, 3, 4], 2)}", [1, 4]),
        ("${merge(steps.cycle[0], None).status}", "resolved"),
        ("${first([])}", None),
        ("${last(steps.cycle).index}", 2),
        ("${'salt' in input.word and not input.none}", True),
        ("${1 < input.n <= 3}", True),
        ("${steps.cycle[0:2][*].index}", [0, 1]),
        ("${-input.x ** 2}", -0.25),
        ({"a": "${input.gone}", "b": None, "c": ["${input.gone}"]}, {"b": None, "c": [None]}),
        (
            {"$for_each": "steps.cycle", "$when": "item.data", "$give": {"q": "${item.data.q}"}},
            [{"q": 1.5}, {"q": 2.5}],
        ),
    ],
)  # fmt: skip
def test_meaning(text: Any, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${inputs.n}", "nothing is called inputs here; did you mean input"),
        ("${input.__class__}", ".__class__ is not allowed"),
        ("${__import__('os')}", "__import__() is not among the functions"),
        ("${input.word.upper()}", "input.word.upper() is not among the functions"),
        ("${(lambda: 1)()}", "is not among the functions"),
        ("${{'a': 1}}", "it is no expression"),
        ("${input.n; 1}", "it is no expression"),
        ("${f'{input.n}'}", "an f-string is not allowed"),
        ("${len}", "len is a function: len(...)"),
        ("${len(1, 2)}", "len() takes 1 arguments, not 2"),
        ("${[len for len in [1]]}", "the name len is not allowed"),
        ("${input.n", "has no closing brace"),
        ("${" + "(" * 60 + "1" + ")" * 60 + "+" * 60 + "1}", "nested too deep"),
        ("${" + "1" * 1200 + "}", "it has 1200 characters, at most 1000"),
        ("${(x := 1)}", "NamedExpr is not allowed"),
        ("${b'x'}", "b'x' is not allowed"),
        ({"$for_each": "input.n"}, "a list made of another has the keys $for_each, $give"),
    ],
)
def test_what_is_refused_before_anything_runs(text: Any, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_template(text, NAMES)
    assert words in refused.value.what


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${input.word + 1}", "a text and a number have no sum"),
        ("${input.word * 9}", "a text where a number belongs"),
        ("${steps.cycle.data}", "no field data in a list; write [*].data for all of its items"),
        ("${input.n.x}", "no field x in a number"),
        ("${steps.cycle[7]}", "there is no item 7 of 3"),
        ("${1 / 0}", "division by zero"),
        ("${2 ** 9999}", "an integer of more than 2048 bits"),
        ("${10 ** 600 * 10 ** 600}", "an integer of more than 2048 bits"),
        ("${(0 - 1) ** 0.5}", "a root of a negative number"),
        ("${mean([])}", "there is no mean of no values"),
        ("${input.n[*]}", "[*] of a number, which is no list"),
        ("${thin(input.array, 1)}", "keeps n items, at least 2"),
        ("words ${steps.cycle}", "a list cannot stand within a text"),
        ("${[a for a in steps.cycle for b in 'xyz']}", "a text where a list belongs"),
        (
            f"${{[1 {MANY}]}}",
            "it takes more than 200000 steps",
        ),
        ({"$for_each": "input.n", "$give": 1}, "a number where a list of items belongs"),
    ],
)
def test_what_has_no_value(text: Any, words: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        value(text)
    assert words in refused.value.what


def test_what_an_expression_speaks_of() -> None:
    told = parse("steps.mix.data + steps['cycle'][0] if input.x else 1", NAMES)
    assert told.uses("steps") == {"mix", "cycle"}
    assert told.names() == {"steps", "input"}
    assert parse("[s for s in steps]", NAMES).uses("steps") == {"*"}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(max_size=8).filter(lambda key: not key.startswith("$")), inner, max_size=4
    ),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN)
def test_what_holds_no_expression_is_kept_as_it_is(plain: Any) -> None:
    def quoted(part: Any) -> Any:
        if isinstance(part, str):
            return part.replace("${", "$${")
        if isinstance(part, list):
            return [quoted(each) for each in part]
        return {k: quoted(v) for k, v in part.items()} if isinstance(part, dict) else part

    assert render(compile_template(quoted(plain), NAMES), WORLD) == plain


@given(st.text(max_size=60))
def test_no_text_does_harm(text: str) -> None:
    try:
        parsed = compile_template("${" + text + "}", NAMES)
        render(parsed, WORLD)
    except ExpressionError:
        pass


def test_every_function_says_what_it_does() -> None:
    for name, function in FUNCTIONS.items():
        assert function.about, name
        assert function.takes[0] <= function.takes[1]
