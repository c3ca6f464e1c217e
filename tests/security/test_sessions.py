"""Client ids that are not one's own, passwords that were right, accounts that are no more."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from labmesh.security import is_password, new_password, read_passwords, set_password
from labmesh.transport import MqttOptions, MqttTransport, make_transport
from messages.errors import NotConnectedError
from tests.labmesh.node.conftest import until
from tests.security.lab import HIDDEN, SecureLab, attack, collect, denied

pytestmark = pytest.mark.asyncio(loop_scope="package")


def thief(lab: SecureLab, client_id: str) -> MqttTransport:
    """Mallory, with whatever client id; keeps the session that he may find."""
    account = lab.account("mallory")
    return MqttTransport(
        MqttOptions(
            url=account.url,
            client_id=client_id,
            username="mallory",
            password=account.password,
            ca=account.ca,
            clean_start=False,
            session_expiry=60,
            backoff=(30, 30),
        )
    )


async def test_a_client_id_that_everybody_knows_takes_nothing(lab: SecureLab) -> None:
    runtime = lab.adder._runtime
    assert runtime is not None
    before = runtime.transport.stats.connections
    for client_id in ("kit/adder/0", "kit/adder/0-blob", "kit/broker/0", "kit/broker/intake"):
        with attack("stolen client id"):
            mallory = thief(lab, client_id)
            await mallory.open(timeout=20)
            assert mallory._link is not None
            assert not mallory._link.session_present
            await mallory.close()
    await lab.still_works()
    assert runtime.transport.stats.connections == before


async def test_who_knows_the_secret_one_can_disturb_but_not_speak(
    lab: SecureLab, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = lab.adder._runtime
    assert runtime is not None
    transport = runtime.transport
    assert isinstance(transport, MqttTransport)
    before = transport.stats.connections
    with attack("stolen client id"):
        mallory = thief(lab, transport.client_id)
        async with lab.logged(f"Client {transport.client_id} already connected"):
            await mallory.open(timeout=20)
            assert await denied(mallory, "lab1/kit/adder/node/alive/0", b"")
            assert await denied(mallory, "lab1/kit/adder/data/x")
        async with asyncio.timeout(30):
            await until(lambda: transport.stats.connections > before and transport.connected)
        assert "connection lost" in caplog.text
        await mallory.close()
    await lab.still_works()
    assert transport.stats.connections < before + 5, "no ping-pong"


async def test_wrong_passwords_are_refused(lab: SecureLab) -> None:
    alice = lab.account("alice")
    for username, password in (
        ("alice", "guess"), ("alice", ""), ("alice", None), ("nobody", alice.password),
        (None, None), ("alice ", alice.password), ("+", alice.password), ("bob", alice.password),
    ):  # fmt: skip
        with attack("wrong password"):
            async with lab.logged("not authorised"):
                account = replace(alice, username=username, password=password)
                transport = make_transport(account, client_id="c", username=username)
                with pytest.raises(NotConnectedError, match="check user name and password"):
                    await transport.open(timeout=20)


async def test_what_is_restricted_is_read_by_those_named_alone(lab: SecureLab) -> None:
    patterns = (HIDDEN, "lab1/#", "#", "+/+/+/+/+", "lab1/kit/adder/data/#", "$share/g/lab1/#")
    async with (
        lab.connected("adder") as adder,
        lab.connected("carol") as carol,
        lab.connected("vera") as vera,
        lab.connected("dtu") as dtu,
    ):
        told = await collect(carol, HIDDEN)
        await adder.publish(HIDDEN, b"before", retain=True)
        heard = []
        for somebody in (vera, dtu):
            for pattern in patterns:
                with attack("snooping"):
                    heard.append(await collect(somebody, pattern))
        await adder.publish(HIDDEN, b"after", retain=True)
        await adder.publish("lab1/kit/adder/event/end", b"end")
        await until(lambda: any(d.payload == b"end" for d in heard[1]), seconds=30)
        await until(lambda: [d.payload for d in told] == [b"before", b"after"], seconds=30)
        assert not [d for found in heard for d in found if d.topic == HIDDEN]
        await adder.publish(HIDDEN, b"", retain=True)


async def test_a_revoked_account_is_cut_off(lab: SecureLab) -> None:
    """Last here: bob gets a new password, and carol none of her rights back."""
    async with lab.connected("rob") as rob, lab.connected("carol") as carol:
        heard = await collect(carol, "lab1/#")
        with attack("revoked account"):
            set_password(lab.folder / "passwords", "rob", word := new_password())
            async with lab.logged("not authorised"):
                lab.mqtt.reload(lab.config)
                await until(lambda: not rob.connected, seconds=30)
        assert is_password(word, read_passwords(lab.folder / "passwords")["rob"])
        with attack("revoked account"):
            async with lab.logged("not authorised"):
                late = make_transport(lab.account("rob"), client_id="late")
                with pytest.raises(NotConnectedError, match="check user name and password"):
                    await late.open(timeout=20)

        lab.ca.revoke("carol")
        members = tuple(each for each in lab.config.members if each.username != "carol")
        lab.config = replace(lab.config, members=members, restricted=())
        with attack("revoked account"):
            lab.mqtt.reload(lab.config)
            async with asyncio.timeout(30):
                while not await denied(carol, "lab1/kit/carol/event/x"):
                    await asyncio.sleep(0.1)
            heard.clear()
            async with lab.connected("adder") as adder:
                await adder.publish("lab1/kit/adder/event/x", b"")
            await asyncio.sleep(0.1)
            assert heard == [], "reads nothing any more, connected or not"
        with attack("revoked account"):
            late = make_transport(lab.account("carol"), client_id="late")
            with pytest.raises(NotConnectedError, match="our certificate was revoked"):
                await late.open(timeout=20)
        async with lab.connected("dave"):
            pass
    lab.passwords["rob"] = word
    async with lab.connected("rob"):
        pass
    await lab.still_works()
