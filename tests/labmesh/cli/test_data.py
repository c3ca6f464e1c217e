"""Data given on the command line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from labmesh.cli._data import parse_map, read_data, read_map, settings
from messages.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (["a=1"], {"a": 1}),
        (["a.b=1", "a.c=x"], {"a": {"b": 1, "c": "x"}}),
        (["a=[1, {b: 2}]", "a.1.b=3"], {"a": [1, {"b": 3}]}),
        (["a=[1]", "a.1=2"], {"a": [1, 2]}),
        (["a=[]", "a.0.b=2"], {"a": [{"b": 2}]}),
        (["a=2026-01-02"], {"a": "2026-01-02"}),
        (["a="], {"a": None}),
        (["a=b=c"], {"a": "b=c"}),
    ],
)
def test_settings(given: list[str], value: dict[str, Any]) -> None:
    assert settings(given) == value


def test_settings_win_over_a_file_and_leave_it_alone() -> None:
    base = {"a": {"b": 1}, "c": 2}
    assert settings(["c=3"], base) == {"a": {"b": 1}, "c": 3}
    assert base["c"] == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a", "'a' is not NAME=VALUE"),
        (".a=1", "is not NAME=VALUE"),
        ("a.b=1", "'b' cannot be set in int"),
        ("l.9=1", "'9' cannot be set in list"),
        ("x={", "x: not YAML"),
        ("x=.nan", "x: not plain data"),
        ("x=!!binary aGk=", "x: not plain data"),
    ],
)
def test_bad_settings_say_what_is_wrong(given: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings([given], {"a": 1, "l": [1]})
    assert said in str(caught.value)
    assert caught.value.remedy


def test_data_come_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\n")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 2}'))
    assert read_data(f"@{file}", what="arguments") == {"a": 1}
    assert read_map(str(file), what="arguments") == {"a": 1}
    assert read_data("-", what="arguments") == {"a": 2}
    assert read_data("{a: 3}", what="arguments") == {"a": 3}
    assert read_data("", what="arguments") == {}


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="parameters cannot be read") as caught:
        read_map(str(tmp_path / "nowhere.yaml"), what="parameters")
    assert caught.value.where.endswith("nowhere.yaml")
    with pytest.raises(ConfigurationError, match="are not a map"):
        parse_map("[1]", what="parameters", where="here")
