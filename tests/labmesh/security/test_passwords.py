"""mosquitto's password file, written and read by us."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labmesh.mosquitto import Program
from labmesh.security import (
    hash_password,
    is_password,
    new_password,
    read_passwords,
    remove_password,
    set_password,
)
from messages.errors import ConfigurationError


def test_accounts_come_and_go(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    assert read_passwords(file) == {}
    word = new_password()
    set_password(file, "asab", "other")
    set_password(file, "asab", word)
    set_password(file, "alice", word)
    assert file.stat().st_mode & 0o777 == 0o600
    known = read_passwords(file)
    assert list(known) == ["alice", "asab"]
    assert known["alice"] != known["asab"]
    assert word not in file.read_text()
    assert is_password(word, known["asab"])
    assert not is_password("other", known["asab"])
    assert remove_password(file, "asab")
    assert not remove_password(file, "asab")
    assert list(read_passwords(file)) == ["alice"]


def test_mosquittos_own_hash_is_ours(tmp_path: Path, mosquitto_program: Program) -> None:
    file = tmp_path / "words"
    file.write_text("asab:secret\n")
    file.chmod(0o600)
    hasher = mosquitto_program.path.parent.parent / "bin/mosquitto_passwd"
    subprocess.run([hasher, "-U", file], check=True, env=mosquitto_program.environment())
    made = read_passwords(file)["asab"]
    assert is_password("secret", made)
    assert [len(part) for part in made.split("$")[3:]] == [
        len(part) for part in hash_password("secret").split("$")[3:]
    ]


@pytest.mark.parametrize(
    "name", ["", "a:b", "a b", "a/b", "+", "#", "-x", "a\nuser root", "x" * 65]
)
def test_usernames_that_would_mean_more_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="username"):
        set_password(tmp_path / "passwords", name, "word")


def test_a_password_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text("asab:secret\n")
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"passwords:1: not username:hash"):
        read_passwords(file)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_passwords(file)
    with pytest.raises(ConfigurationError, match="not empty"):
        set_password(tmp_path / "other", "asab", "")
    assert not is_password("x", "$6$salt$hash")
