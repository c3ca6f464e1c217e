"""Enclaves (sros2): keys, permissions of each node, and nobody in without either."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labmesh import NodeOptions, connect
from labmesh.client import visit
from labmesh.security import Member, Role, new_password, set_password
from messages.envelope import Header
from messages.errors import NotConnectedError, PublishRefusedError
from messages.topics import Topic
from tests.labmesh.node.conftest import running
from tests.ros2.lab import Bath, Temperature, until
from tests.security.lab import SecureLab, secure_mqtt

ALIAS = Member(username="adder", site="kit", names=("bath", "bath-2"), roles=(Role.INSTRUMENT,))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[SecureLab]:
    """An MQTT broker with TLS, accounts and roles."""
    with secure_mqtt(tmp_path) as lab:
        yield lab


def bath(secure: SecureLab, account: str, name: str) -> Bath:
    folder = secure.folder / "data"
    return Bath(NodeOptions(place=secure.place(account), name=name, data_dir=folder, patience=30))


async def test_a_node_with_keys_publishes_encrypted_and_a_viewer_listens(secure: SecureLab) -> None:
    heard: list[float] = []

    def note(message: Temperature, _header: Header, _topic: Topic) -> None:
        heard.append(message.kelvin)

    node = bath(secure, "adder", "adder")
    async with running(node), visit(secure.place("vera"), "vera", patience=30) as vera:
        await vera.mesh.on_message("lab1/kit/adder/data/temperature", Temperature, note)
        await node.temperature.publish(Temperature(kelvin=300.0))
        await until(lambda: heard == [300.0])
        with pytest.raises(PublishRefusedError, match="Not authorized"):
            await vera.mesh.send("lab1/kit/vera/data/temperature", Temperature(kelvin=1.0))


async def test_programs_name_their_account(secure: SecureLab) -> None:
    file = secure.folder / "bob.json"
    replace(secure.account("bob"), site="kit", name="bob").write(file)
    async with connect(account=file, patience=30) as lab:
        assert str(lab.ledger) == "kit/broker"


async def test_without_keys_or_permissions_no_node_starts(secure: SecureLab) -> None:
    stranger = bath(secure, "adder", "adder")
    place = secure.place("adder")
    assert place.account is not None
    guess = replace(place, account=replace(place.account, password="guess"))  # noqa: S106
    stranger.options = replace(stranger.options, place=guess)
    with pytest.raises(NotConnectedError, match="check user name and password"):
        await stranger.run()
    with pytest.raises(
        (PublishRefusedError, NotConnectedError), match="below its own prefix only, and there"
    ):
        await bath(secure, "vera", "bath").run()


async def test_new_names_and_rights_need_no_new_keys(secure: SecureLab) -> None:
    """In sros2 a renamed node needs new ones; here the account names what it may be."""
    members = (*(each for each in secure.config.members if each.username != "adder"), ALIAS)
    secure.mqtt.reload(replace(secure.config, members=members))
    async with asyncio.timeout(30):
        while True:
            try:
                async with running(bath(secure, "adder", "bath-2")):
                    break
            except (PublishRefusedError, NotConnectedError):  # the rules are being read
                await asyncio.sleep(0.1)


async def test_keys_are_changed_while_all_runs(secure: SecureLab) -> None:
    old = secure.place("adder")
    set_password(secure.folder / "passwords", "adder", word := new_password())
    secure.mqtt.reload(secure.config)
    refused: NotConnectedError | None = None
    async with asyncio.timeout(30):
        while refused is None:
            try:
                async with visit(old, "adder"):
                    await asyncio.sleep(0.1)
            except NotConnectedError as error:
                refused = error
    assert "check user name and password" in str(refused)
    secure.passwords["adder"] = word
    async with running(bath(secure, "adder", "adder")):
        pass
