"""How values look to people."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.cli._format import clean, duration, one_line, plain, short_ids, size, when
from labmesh.cli._output import to_yaml
from messages.ids import new_id


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"), (0.85, "850 ms"), (1, "1 s"), (12.4, "12 s"), (59.9, "1 min"),
        (185, "3 min 5 s"), (3600, "1 h"), (7440, "2 h 4 min"), (443_000, "5 d 3 h"),
        (-12, "-12 s"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2 << 20, "2.0 MiB")]
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_when_is_local_iso() -> None:
    assert re.fullmatch(r"2023-11-1[45] \d\d:\d\d:20", when(1_700_000_000 * 10**9))
    assert re.search(r":20[+-]\d\d:\d\d$", when(1_700_000_000 * 10**9, zone=True))


def test_short_ids_differ_even_within_a_millisecond() -> None:
    ids = [str(new_id()) for _ in range(200)]
    shown = short_ids(ids)
    assert len(set(shown.values())) == len(ids)
    for full, short in shown.items():
        assert full.startswith(short)
        assert [each for each in ids if each.startswith(short)] == [full]
        assert len(short) >= 13


def test_plain_makes_json_of_what_travels() -> None:
    array = np.arange(4, dtype="<f8").reshape(2, 2)
    wire = {"dtype": "<f8", "shape": [2, 2], "data": array.tobytes()}
    assert plain({"a": wire, "b": b"\x01", "c": (1, None)}) == {
        "a": {"dtype": "<f8", "shape": [2, 2], "data": [[0.0, 1.0], [2.0, 3.0]]},
        "b": "01",
        "c": [1, None],
    }
    assert plain({"dtype": "<f8", "shape": [3], "data": b"xx"})["data"] == "7878"


def test_nothing_from_the_mesh_reaches_the_terminal_raw() -> None:
    assert "\x1b" not in clean("\x1b[31mred\x07")
    assert clean("a\tb\nµ") == "a\tb\nµ"
    assert "\x1b" not in to_yaml({"a": "\x1b[2J", "\x1b": ["\x9b"]})


def test_one_line_cuts_with_an_ellipsis() -> None:
    assert one_line({"a": "x" * 100}, 20) == '{"a": "xxxxxxxxxxxx…'
    assert one_line("a\n b") == "a b"


def test_yaml_keeps_flat_lists_on_a_line() -> None:
    value = {"terms": [1.0, 2.0], "parts": [{"a": 1}]}
    assert to_yaml(value) == "terms: [1.0, 2.0]\nparts:\n- a: 1\n"


@given(st.text())
def test_clean_never_leaves_a_control_character(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean(text))
