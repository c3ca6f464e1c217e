from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.envelope import validate
from messages.errors import BodyError, NameInvalidError
from messages.ids import MAX_NAME, NodeId, check_name, new_id
from messages.model import Model, Name, NodeName
from tests.messages import strategies as some


class Names(Model):
    """The same rule as a pydantic type."""

    name: Name
    node: NodeName = "kit/asab"


@given(some.names)
def test_valid_names(name: str) -> None:
    assert check_name(name) == name
    assert Names(name=name).name == name


@given(st.text(max_size=40) | st.text("abz09_-A /+#\n", max_size=40))
def test_names_are_judged_alike_everywhere(name: str) -> None:
    legal = bool(re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name))
    try:
        check_name(name)
    except NameInvalidError:
        assert not legal
        with pytest.raises(BodyError):
            validate(Names, {"name": name}, where="")
    else:
        assert legal
        assert Names(name=name, node=f"{name}/{name}")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("", 0),
        ("9lives", 0),
        ("Kit", 0),
        ("kIt", 1),
        ("kit/asab", 3),
        ("kit asab", 3),
        ("kit\n", 3),
        ("kit\x1b[31m", 3),
        ("käse", 1),
        ("x" * 33, 32),
        ("x" * 500, 32),
        ("x" * 40 + "!", 32),
    ],
)
def test_the_caret_stands_below_the_first_bad_character(name: str, column: int) -> None:
    with pytest.raises(NameInvalidError) as caught:
        check_name(name, "site")
    first, line, caret, last = str(caught.value).split("\n")
    assert first.startswith("site ")
    assert first.endswith(" is not a valid name")
    assert caret == "  " + " " * column + "^"
    assert line[2:][:column] == name[:column]
    assert line.isprintable()
    assert last == "; use [a-z][a-z0-9_-]*, at most 32 characters"
    assert len(str(caught.value)) < 400


@given(some.names, some.names)
def test_node_ids_round_trip(site: str, node: str) -> None:
    assert NodeId.parse(f"{site}/{node}") == NodeId(site, node)
    assert str(NodeId(site, node)) == f"{site}/{node}"


def test_a_node_is_written_with_one_slash() -> None:
    with pytest.raises(NameInvalidError, match="'kit' is not a node; write it as site/node"):
        NodeId.parse("kit")
    with pytest.raises(NameInvalidError, match="node 'a/b' is not a valid name"):
        NodeId.parse("kit/a/b")


def test_ids_are_uuid7_in_the_order_of_their_making() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert all(id_.version == 7 and id_.variant == "specified in RFC 4122" for id_ in ids)
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_of_threads_never_meet() -> None:
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [new_id() for _ in range(2000)], range(4)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({id_ for batch in batches for id_ in batch}) == 8000


def test_the_longest_name() -> None:
    assert check_name("x" * MAX_NAME)
