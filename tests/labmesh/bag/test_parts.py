"""The parts of bags that are pure logic: schemas for viewers, selections, mappings, gaps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import messages.catalogue  # noqa: F401  registers the types
from labmesh.bag import Numbers, PlayMap, Selection, covers, envelope_schema, overlap
from messages.capabilities import CAPABILITIES
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.model import TYPES
from messages.schema import json_schema
from messages.topics import Topics, matches

ME = Topics(NodeId("kit", "bag"))


def understood(schema: dict[str, Any]) -> None:
    """As Foxglove reads a schema: it refuses the channel for anything else."""
    assert schema["type"] == "object"
    for name, field in schema["properties"].items():
        assert "oneOf" not in field
        kind = field["type"]
        inner = field["items"] if kind == "array" else field
        if kind == "array":
            assert "contentEncoding" not in inner
        assert inner["type"] in ("boolean", "string", "number", "integer", "object"), name
        if inner["type"] == "object":
            understood(inner)
        assert inner.get("contentEncoding", "base64") == "base64"


@pytest.mark.parametrize(
    "name", sorted(name for name in TYPES if TYPES[name].__module__.startswith("messages"))
)
def test_a_viewer_understands_every_type(name: str) -> None:
    schema = envelope_schema(json_schema(TYPES[name]), name)
    understood(schema)
    body = json_schema(TYPES[name]).get("properties", {})
    assert schema["properties"]["body"]["properties"].keys() <= body.keys()


def test_a_viewer_is_told_of_what_can_be_drawn() -> None:
    shown = envelope_schema(json_schema(TYPES["ClockTick@1"]), "ClockTick@1")
    body = shown["properties"]["body"]["properties"]
    assert body["rate"]["type"] == "number"
    assert body["rate"]["unit"] == "1"
    output = CAPABILITIES["conductivity", "two_electrode"].output
    nested = envelope_schema(json_schema(output), "x")["properties"]["body"]["properties"]
    assert nested["conductivity"]["properties"]["value"]["type"] == "number"
    assert envelope_schema(None, "Unknown@1")["properties"]["body"] == {
        "type": "object", "properties": {}
    }  # fmt: skip


level = st.sampled_from(["a", "b"])
topics = st.lists(level, min_size=1, max_size=4).map("/".join)
filters = st.tuples(
    st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=3), st.sampled_from(["", "/#"])
).map(lambda parts: "/".join(parts[0]) + parts[1])


@given(filters, filters, topics)
def test_filters_that_cover_and_overlap(one: str, other: str, topic: str) -> None:
    both = matches(one, topic) and matches(other, topic)
    if both:
        assert overlap(one, other)
    if covers(one, other) and matches(other, topic):
        assert matches(one, topic)


@given(st.lists(filters, max_size=4), topics)
def test_a_wanted_topic_comes_exactly_once(wanted: list[str], topic: str) -> None:
    selection = Selection.of("a", tuple(f"a/{each}" for each in wanted))
    topic = f"a/{topic}"
    came = sum(matches(each, topic) for each in selection.subscriptions())
    assert came <= 1
    if selection.wants(topic):
        assert came == 1


def test_regular_expressions_choose_and_leave_out() -> None:
    selection = Selection.of("lab1", (), "asab/data", "noise$")
    assert selection.wants("lab1/kit/asab/data/t")
    assert not selection.wants("lab1/kit/asab/data/noise")
    assert not selection.wants("lab1/kit/asab/node/life")
    with pytest.raises(ConfigurationError, match="is no regular expression"):
        Selection.of("lab1", (), "(")


@pytest.mark.parametrize(
    ("recorded", "played"),
    [
        ("lab1/kit/asab/data/t", "lab1/kit/bag/data/kit/asab/t"),
        ("lab2/dtu/asab/node/life", "lab1/kit/bag/node/dtu/asab/life"),
        ("lab1/kit/asab/data/flow/left", "lab1/kit/bag/flow/left"),
        ("lab1/kit/asab/data/heat", "lab1/kit/bag/data/warmth"),
        ("lab1/kit/bridge/link", "lab1/kit/bag/link/kit/bridge"),
        ("lab1/kit/broker/order/kit/asab/1", None),
        ("lab1/kit/cli/call/kit/asab/stock.levels", None),
        ("lab1/kit/broker/journal/result/kit/cli", None),
        ("lab1/kit/asab/data/a/b/c", None),
        ("lab1/kit/cli/estop/kit", None),
        ("nonsense", None),
    ],
)  # fmt: skip
def test_where_a_topic_is_played(recorded: str, played: str | None) -> None:
    mapping = PlayMap.of(ME, ("kit/asab/data/flow/#:=flow/#", "~kit/asab/data/heat:=data/warmth"))
    assert mapping.played(recorded) == played


@pytest.mark.parametrize("rule", ["", "a", "a:=", ":=b", "a/#:=b", "a:=b/#", "a:=+/b"])
def test_a_mapping_that_is_none_is_said_to_be_none(rule: str) -> None:
    with pytest.raises(ConfigurationError):
        PlayMap.of(ME, (rule,))


@given(st.lists(st.integers(0, 40)))
def test_gaps_are_what_is_missing_in_whatever_order(given_: list[int]) -> None:
    numbers = Numbers()
    for number in given_:
        numbers.add(number)
    seen = set(given_)
    inside = range(min(seen), max(seen) + 1) if seen else range(0)
    assert numbers.missing == len(inside) - len(seen)
    assert numbers.repeated == len(given_) - len(seen)
    assert [n for a, b in numbers.runs for n in range(a, b + 1)] == sorted(seen)


def test_expressions_are_pythons() -> None:
    assert Selection.of("lab1", (), r"data/\w$").regex == re.compile(r"data/\w$")
