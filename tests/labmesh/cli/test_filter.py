"""--filter: what it can say, and that it can do nothing else."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.cli._filter import Filter
from labmesh.cli._filter_values import FUNCTIONS, MAX_BITS, FilterError
from messages.errors import ConfigurationError

M = {
    "value": 301.5, "count": 3, "name": "oven", "items": [1, 2, 30], "on": True, "none": None,
    "deep": {"keys": {"x": -1}}, "list": [{"a": 1}, {"a": 5}], "_hidden": 7, "raw": b"\x01",
}  # fmt: skip
HEADER = {"sender": "kit/oven", "seq": 12, "stamp": 10**18}


def passes(text: str, m: Any = None) -> bool:
    return Filter(text)(m=M if m is None else m, header=HEADER, topic="lab1/kit/oven/data/t")


@pytest.mark.parametrize(
    "text",
    [
        "m.value > 300",
        "m['value'] > 300 and not m.none",
        "300 < m.value <= 400",
        "m.deep.keys.x == -1",
        "m.items[0] == 1 and m.items[-1] == 30 and len(m.items[1:]) == 2",
        "30 in m.items and 'value' in m",
        "m.name == 'oven' or m.nothing",
        "startswith(header.sender, 'kit/') and endswith(topic, '/t')",
        "like(topic, '*/data/*')",
        "any(x > 29 for x in m.items) and not all(x > 29 for x in m.items)",
        "[each.a for each in m.list] == [1, 5]",
        "max(m.items) - min(m.items) == 29 and sum(m.items) == 33",
        "(m.count ** 2) % 5 == 4",
        "abs(m.deep.keys.x) == 1 if m.on else False",
        'm["_hidden"] == 7',
        "str(m.count) + lower('X') == '3x' and int('4') == 4 and float('1e3') == 1000",
        "round(m.value) == 302",
        "m.none is None",
    ],
)
def test_what_it_can_say(text: str) -> None:
    assert passes(text)
    assert not passes(f"not ({text})")


ESCAPES = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "m.__class__",
    "m._hidden",
    "(lambda: 1)()",
    "open('/etc/passwd')",
    "eval('1')",
    "getattr(m, 'clear')()",
    "m.clear()",
    "m.items.append(1)",
    "'{0.__class__}'.format(m)",
    "f'{m.__class__}'",
    "f'{1:>1000000000}'",
    "[x for x in ().__class__.__mro__]",
    "(x := 5)",
    "x = 5",
    "import os",
    "m; m",
    "len",
    "[len][0](m)",
    "{len: 1}",
    "len.__self__",
    "str.format('{}', 1)",
    "type(m)",
    "dict(a=1)",
    "len(*[m])",
    "len(obj=m)",
    "globals()",
    "[y for len in m.items]",
    "[_x for _x in m.items]",
    "yield 1",
    "await m",
    "1 << 100000",
    "...",
    "1j",
    "nothing",
    "m.value >",
    "",
    " ",
    "\0",
    "(" * 500 + ")" * 500,
    "-" * 900 + "1",
    "m" + ".a" * 100,
    "m" * 1001,
]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_it_refuses_before_it_sees_a_message(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--filter") as refusal:
        Filter(text)
    assert len(str(refusal.value)) < 500
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9",
        "2.0 ** 100000",
        "(-8) ** 0.5 > 0",
        "'%999999999d' % 1",
        "'a' * 1000000000",
        "[0] * 1000000000",
        "('a' + 'a' * 3)",
        "[[[[1 for a in m.big] for b in m.big] for c in m.big] for d in m.big]",
        "any(m.big == m.big2 for x in m.big)",
        "sum([sum(m.big) for x in m.big])",
        "int('9' + m.long)",
        "1 / 0",
        "m.items[7]",
        "m.missing > 1",
        "m.value.real",
        "m.name.upper",
        "m.items['x']",
        "m.name > 3",
        "len(3)",
        "m.raw + 1",
        "[a for a, b in m.items]",
        "min(m.items, m.name)",
    ],
)
def test_what_has_no_answer_says_so(text: str) -> None:
    m = {**M, "big": list(range(10_000)), "big2": list(range(10_000)), "long": "9" * 5000}
    with pytest.raises(FilterError) as why:
        passes(text, m)
    assert len(str(why.value)) < 1300
    assert m["items"] == [1, 2, 30]


def test_a_failure_in_one_message_does_not_colour_the_next() -> None:
    condition = Filter("[x.a for x in m.list] == [1] and m.count == 1")
    with pytest.raises(FilterError):
        condition(m={"list": [3]}, header={}, topic="")
    assert condition(m={"list": [{"a": 1}], "count": 1}, header={}, topic="")


NAMES = st.sampled_from(
    ["m", "header", "topic", "x", "_", "__class__", "len", *FUNCTIONS, "open", "os", "value"]
)
PIECES = st.one_of(
    NAMES,
    st.sampled_from(
        [
            *"()[]{}.,:+-*/%<>=!&|^~@ '\"\\",
            *("**", "//", "==", " in ", " not ", " and ", " or ", " if ", " else ", " for x in "),
            *(" is ", "lambda ", ":=", "f'{", "}'", " None ", ".__class__", ".items", "(m)", "[0]"),
        ]
    ),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(allow_nan=True).map(repr),
    st.text(max_size=3),
)  # fmt: skip
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["value", "items", "x", "len"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def expressions() -> st.SearchStrategy[str]:
    leaf = st.one_of(NAMES, st.integers(-5, 10**9).map(str), st.text("ab%{}", max_size=4).map(repr))

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operator = st.sampled_from(
            ["+", "-", "*", "/", "//", "%", "**", "<", "==", "in", "is", "and", "or", "<<", "@"]
        )
        return st.one_of(
            st.tuples(inner, operator, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, NAMES).map(lambda t: f"({t[0]}).{t[1]}"),
            st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}]"),
            st.tuples(NAMES, st.lists(inner, max_size=2)).map(
                lambda t: f"{t[0]}({', '.join(t[1])})"
            ),
            st.tuples(inner, inner).map(lambda t: f"[{t[0]} for x in {t[1]}]"),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
            inner.map(lambda t: f"not {t}"),
        )

    return st.recursive(leaf, grow, max_leaves=12)


@given(text=st.one_of(expressions(), st.lists(PIECES, max_size=12).map("".join)), m=PLAIN)
def test_whatever_is_typed_it_answers_or_says_why(text: str, m: Any) -> None:
    before = repr(m)
    try:
        condition = Filter(text)
    except ConfigurationError:
        return
    for node in ast.walk(ast.parse(text.strip(), mode="eval")):
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in FUNCTIONS
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
    with suppress(FilterError):
        assert condition(m=m, header=HEADER, topic="t") in (True, False)
    assert repr(m) == before


@given(base=st.integers(-(10**9), 10**9), exponent=st.integers(-(10**9), 10**9))
def test_powers_stay_small(base: int, exponent: int) -> None:
    try:
        Filter("m.a ** m.b == 0")(m={"a": base, "b": exponent}, header={}, topic="")
    except FilterError:
        return
    assert base.bit_length() * abs(exponent) <= MAX_BITS
