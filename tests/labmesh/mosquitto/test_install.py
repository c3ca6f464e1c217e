"""``python -m labmesh.mosquitto``: what it may do to the system, without doing it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from labmesh.mosquitto import Program, __main__, _find, _install, install_mosquitto
from messages.errors import MissingProgramError

FOUND = Program(Path("/usr/sbin/mosquitto"), (), "2.0.11")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that would have been run, each of which fails."""
    ran: list[str] = []

    def run(command: list[str]) -> bool:
        ran.append(" ".join(command))
        return False

    monkeypatch.setattr(_install, "_run", run)
    return ran


def test_one_that_is_there_is_taken_as_it_is(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_install, "find_mosquitto", lambda **_: FOUND)
    assert install_mosquitto() == FOUND
    assert commands == []


def find_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found; only an unpacked one would be."""

    def find(*, unpack: bool = True) -> Program:
        if unpack:
            return FOUND
        raise MissingProgramError("none")

    monkeypatch.setattr(_install, "find_mosquitto", find)


def test_root_asks_apt_and_updates_its_lists_when_that_fails(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_none(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install_mosquitto() == FOUND
    environment = "env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1"
    install = f"{environment} apt-get -qq --yes --no-install-recommends install mosquitto"
    assert commands == [install, f"{environment} apt-get -qq update", install]


def test_a_user_who_may_not_become_root_changes_nothing_in_the_system(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_none(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install_mosquitto() == FOUND
    assert commands == ["/usr/bin/sudo -n true"]


def test_the_command_says_where_it_is(
    commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_install, "find_mosquitto", lambda **_: FOUND)
    assert __main__.main() == 0
    assert capsys.readouterr().out == "mosquitto 2.0.11: /usr/sbin/mosquitto\n"


def test_the_command_fails_in_one_sentence(
    commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(**_: bool) -> Program:
        raise _find.missing("there is none")

    monkeypatch.setattr(_install, "find_mosquitto", find)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert __main__.main() == 1
    assert capsys.readouterr().err.startswith("labmesh: there is none; install it with: ")
