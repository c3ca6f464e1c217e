"""Account files: private, exact about what is wrong, and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labmesh.place import find_place
from labmesh.security import Account
from messages.errors import ConfigurationError

SECRET = "correct-horse"  # noqa: S105 a test's


def account(folder: Path, mode: int = 0o600, **content: Any) -> Path:
    file = folder / "alice.json"
    file.write_text(json.dumps({"url": "mqtts://hub.example", "password": SECRET} | content))
    file.chmod(mode)
    return file


def test_a_written_account_is_private_and_reads_back(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    given = Account(url="mqtts://h", username="alice", password=SECRET, ca=tmp_path / "ca.pem")
    given.write(tmp_path / "alice.json")
    assert (tmp_path / "alice.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "alice.json").read_text())["ca"] == "ca.pem"
    assert Account.read(tmp_path / "alice.json") == given
    assert SECRET not in repr(given)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_an_account_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = account(tmp_path, mode)
    with pytest.raises(ConfigurationError, match=f"others .*; type: chmod 600 {file}"):
        Account.read(file)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.pem").touch()
    (tmp_path / "k.pem").touch(mode=0o644)
    file = account(tmp_path, cert="c.pem", key="k.pem")
    with pytest.raises(ConfigurationError, match="private key.*chmod 600"):
        Account.read(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"pasword": SECRET}, "no field 'pasword'"),
        ({"username": 5}, "username is not a text"),
        ({"ca": "nowhere.pem"}, "nowhere.pem, which is not there"),
        ({"cert": "alice.json"}, "cert and key belong together"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(
    tmp_path: Path, content: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as failure:
        Account.read(account(tmp_path, **content))
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize("text", ["", "[]", f'{{"password": "{SECRET}'])
def test_what_is_no_account_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "alice.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="not an account file") as failure:
        Account.read(file)
    assert SECRET not in str(failure.value)
    with pytest.raises(ConfigurationError, match="the account file cannot be read"):
        Account.read(tmp_path / "none.json")


def test_a_place_by_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MQTT", "SITE", "ACCOUNT", "LEDGER", "REALM"):
        monkeypatch.delenv(f"LABMESH_{name}", raising=False)
    file = account(tmp_path, username="kit", site="kit", name="alice")
    monkeypatch.setenv("LABMESH_ACCOUNT", str(file))
    place = find_place(folder=tmp_path)
    assert (place.mqtt, place.site) == ("mqtts://hub.example", "kit")
    assert place.own_name("cli") == "alice"
    assert place.access.password == SECRET
    assert SECRET not in repr(place)
    monkeypatch.setenv("LABMESH_MQTT", "mqtt://elsewhere")
    assert find_place(folder=tmp_path).mqtt == "mqtts://hub.example"
    assert find_place(mqtt="mqtts://near", folder=tmp_path).access.url == "mqtts://near"


def test_a_client_id_holds_a_secret_where_there_is_one() -> None:
    assert Account().client_id("kit/asab/0") == "kit/asab/0"
    one, other = (Account(password=word).client_id("kit/asab/0") for word in ("a", "b"))
    assert one.startswith("kit/asab/0-")
    assert one != other
    assert one == Account(password="a").client_id("kit/asab/0")  # noqa: S106
