"""Where the mesh is: arguments over variables over what a running launch left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labmesh.place import data_dir, find_place, mesh_file
from messages.errors import ConfigurationError, NameInvalidError
from messages.ids import NodeId


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MQTT", "SITE", "LEDGER", "CLOCK", "REALM", "DATA_DIR"):
        monkeypatch.delenv(f"LABMESH_{name}", raising=False)


def leave(folder: Path, content: object) -> None:
    file = mesh_file(folder)
    file.parent.mkdir(parents=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def test_arguments_win_over_variables_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, {"mqtt": "mqtt://file:1", "site": "kit", "clock": "kit/clock", "ledger": None})
    place = find_place(folder=tmp_path)
    assert (place.mqtt, place.site, place.clock) == ("mqtt://file:1", "kit", NodeId("kit", "clock"))
    assert place.need_ledger() == NodeId("kit", "broker")
    monkeypatch.setenv("LABMESH_SITE", "dtu")
    assert find_place(folder=tmp_path).site == "dtu"
    monkeypatch.setenv("LABMESH_MQTT", "mqtt://env:1")
    assert find_place(folder=tmp_path).clock is None, "the file is of another mesh"
    assert find_place(mqtt="mqtt://given:1", folder=tmp_path).mqtt == "mqtt://given:1"
    assert find_place(ledger="hub/broker", folder=tmp_path).need_ledger().site == "hub"


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, {"mqtt": "mqtt://file:1", "site": "kit"})
    monkeypatch.setenv("LABMESH_MQTT", "")
    assert find_place(folder=tmp_path).mqtt == "mqtt://file:1"


def test_nothing_known_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MQTT broker not named; start one with"):
        find_place(folder=tmp_path)
    with pytest.raises(ConfigurationError, match="the site is not named; add --site"):
        find_place(mqtt="mqtt://a", folder=tmp_path)


@pytest.mark.parametrize("content", ["{", "5", "[1, 2]", "null", '"text"'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    leave(tmp_path, content)
    with pytest.raises(ConfigurationError, match=r"mesh.json: cannot be read.*delete it"):
        find_place(folder=tmp_path)


def test_bad_names_are_named(tmp_path: Path) -> None:
    with pytest.raises(NameInvalidError, match="site 'KIT'"):
        find_place(mqtt="mqtt://a", site="KIT", folder=tmp_path)
    with pytest.raises(NameInvalidError, match="site/node"):
        find_place(mqtt="mqtt://a", site="kit", ledger="broker", folder=tmp_path)


def test_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_dir() == tmp_path / ".labmesh"
    monkeypatch.setenv("LABMESH_DATA_DIR", "there")
    assert data_dir() == tmp_path / "there"
    assert data_dir("/given") == Path("/given")
