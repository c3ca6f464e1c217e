"""Where mosquitto is looked for, and what is said when there is none."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from labmesh.mosquitto import Program, _find, cache_folder, find_mosquitto
from messages.errors import MissingProgramError


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without mosquitto and without apt; returns an empty folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("LABMESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_find, "_SYSTEM_FOLDERS", ())
    return folder


def fake(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'mosquitto version {version}'\nexit 3\n")
    path.chmod(0o755)
    return path


def test_the_one_on_path_comes_first(nowhere: Path) -> None:
    path = fake(nowhere / "mosquitto", "2.0.99")
    fake(cache_folder() / "root/usr/sbin/mosquitto", "2.0.98")
    assert find_mosquitto() == Program(path, (), "2.0.99")


def test_the_systems_folders_come_next(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake(tmp_path / "sbin/mosquitto", "2.1.0")
    monkeypatch.setattr(_find, "_SYSTEM_FOLDERS", (str(tmp_path / "sbin"),))
    assert find_mosquitto() == Program(path, (), "2.1.0")


def test_the_cache_comes_last_with_its_libraries(nowhere: Path) -> None:
    (nowhere / "mosquitto").write_text("#!/bin/sh\nexit 127\n")
    (nowhere / "mosquitto").chmod(0o755)
    root = cache_folder() / "root"
    path = fake(root / "usr/sbin/mosquitto", "2.0.11")
    libraries = root / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (libraries / "libcjson.so.1").touch()
    program = find_mosquitto()
    assert program == Program(path, (libraries,), "2.0.11")
    assert program.environment({"A": "b"}) == {"A": "b", "LD_LIBRARY_PATH": str(libraries)}
    assert program.environment({"LD_LIBRARY_PATH": "/x"})["LD_LIBRARY_PATH"] == f"{libraries}:/x"


def test_one_that_is_too_old_is_named(nowhere: Path) -> None:
    path = fake(nowhere / "mosquitto", "1.6.9")
    with pytest.raises(MissingProgramError) as caught:
        find_mosquitto(unpack=False)
    assert caught.value.what == f"{path} is version 1.6.9, 2.0 or later is needed"


@pytest.mark.parametrize(
    ("system", "remedy"),
    [
        ("Darwin", "install it with: brew install mosquitto"),
        ("Windows", "install it with: winget install EclipseFoundation.Mosquitto"),
        ("Linux", "install it with: sudo apt-get install mosquitto (or your system's equivalent)"),
    ],
)
def test_where_there_is_none_one_sentence_says_how_to_install_it(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, system: str, remedy: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    with pytest.raises(MissingProgramError) as caught:
        find_mosquitto()
    assert str(caught.value) == (
        "mosquitto, the MQTT broker, is not installed, and there is no apt on this system to "
        f"unpack it from; {remedy}"
    )


def test_the_cache_is_of_the_user_and_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LABMESH_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / ".cache/labmesh/mosquitto"
    assert cache_folder().name.endswith(platform.machine())
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder().parent == Path("/x/labmesh/mosquitto")
    monkeypatch.setenv("LABMESH_CACHE", "/y")
    assert cache_folder().parent == Path("/y/mosquitto")
