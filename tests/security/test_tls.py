"""TLS that is too old, of the wrong authority, or none at all; each said in one sentence."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from labmesh.security import Account
from labmesh.security.authority import Authority
from labmesh.transport import MqttTransport, make_transport
from messages.errors import ConfigurationError, NotConnectedError
from tests.security.lab import SecureLab, attack, denied, hang_up, tls

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning"),
]
OLD = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}


async def refusal(account: Account) -> str:
    """Try once to connect; return why that is not possible."""
    transport = make_transport(account, client_id="kit/alice/0")
    assert isinstance(transport, MqttTransport)
    try:
        await transport._connect(clean_start=True)
    except (OSError, ConfigurationError) as error:
        why = str(transport._explain(error))
        assert account.password is None or account.password not in why
        return why
    finally:
        await transport.close()
    raise AssertionError("it connected")


@contextmanager
def impostor(
    cert: Path, key: Path, version: ssl.TLSVersion | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A server that takes what is sent to it: its port, and what it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    got: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as one:
                    got.extend(filter(None, [one.recv(1000)]))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], got
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("version", OLD)
async def test_an_old_client_is_refused(lab: SecureLab, version: str) -> None:
    context = tls(lab, minimum_version=OLD[version], maximum_version=OLD[version])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with attack("downgraded TLS"):
        async with lab.logged("unsupported protocol"):
            with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION|UNSUPPORTED"):
                await asyncio.open_connection("localhost", lab.tls_port, ssl=context)


@pytest.mark.parametrize("version", OLD)
async def test_an_old_server_gets_nothing(lab: SecureLab, version: str) -> None:
    cert, key = lab.folder / "server.pem", lab.folder / "server.key"
    with attack("downgraded TLS"), impostor(cert, key, OLD[version]) as (port, got):
        account = replace(lab.account("alice"), url=f"mqtts://localhost:{port}")
        assert "it speaks no TLS newer than 1.1; ask its operator" in await refusal(account)
        assert got == []


async def test_a_server_that_cannot_be_trusted_gets_nothing(lab: SecureLab, tmp_path: Path) -> None:
    cert, key = tmp_path / "s.pem", tmp_path / "s.key"
    other = Authority.create(tmp_path / "other", "Other CA")
    cases: dict[str, Callable[[], object]] = {
        "its authority is not known here; name it": partial(
            other.issue_server, ["localhost"], cert, key
        ),
        "its certificate is for another host name; connect by": partial(
            lab.ca.issue_server, ["hub.example"], cert, key
        ),
        "its certificate has expired; ask": partial(
            lab.ca.issue_server, ["localhost"], cert, key, days=-1
        ),
        "unsuitable certificate purpose": partial(lab.ca.issue_client, "localhost", cert, key),
    }
    for words, issue in cases.items():
        issue()
        with attack("false server"), impostor(cert, key) as (port, got):
            account = replace(lab.account("alice"), url=f"mqtts://localhost:{port}")
            why = await refusal(account)
            assert words in why
            assert "cannot be trusted" in why
            assert got == [], "no byte of MQTT"
    with attack("false server"):  # the system's authorities know nothing of ours
        transport = make_transport(replace(lab.account("alice"), ca=None), client_id="c")
        with pytest.raises(NotConnectedError, match="not known here; name it: ca in the account"):
            await transport.open(timeout=30)


ABOUT_OURS = re.compile("no TLS with .* certificate|takes a certificate of ours")
"""What is said where the MQTT broker refuses our certificate. Its word why comes after the
handshake (RFC 8446 section 4.4.2.4), and is lost where it ends the connection at once."""


async def test_certificates_of_clients_are_looked_at(lab: SecureLab, tmp_path: Path) -> None:
    carol = lab.account("carol")
    with attack("false client"):
        async with lab.logged("peer did not return a certificate"):
            why = await refusal(replace(carol, cert=None, key=None))
            assert "a certificate of ours" in why
    other = Authority.create(tmp_path / "other", "Other CA")
    cert, key = tmp_path / "c.pem", tmp_path / "c.key"
    false = replace(carol, cert=cert, key=key)
    other.issue_client("carol", cert, key)
    with attack("false client"):
        async with lab.logged("certificate verify failed"):
            assert ABOUT_OURS.search(await refusal(false))
    lab.ca.issue_client("carol", cert, key, days=-1)
    with attack("false client"):
        assert ABOUT_OURS.search(await refusal(false))
    lab.ca.issue_server(["carol"], cert, key)
    with attack("false client"):
        async with lab.logged("certificate verify failed"):
            assert ABOUT_OURS.search(await refusal(false))
    lab.ca.issue_client("nobody", cert, key)
    with attack("false client"):  # genuine, but of no member: it may connect, and do nothing
        stranger = make_transport(false, client_id="kit/nobody/0")
        await stranger.open(timeout=20)
        assert await denied(stranger, "lab1/kit/nobody/event/x")
        assert await denied(stranger, "lab1/kit/carol/event/x")
        await stranger.close()


async def test_plain_and_tls_do_not_mix(lab: SecureLab) -> None:
    alice = lab.account("alice")
    with attack("no TLS"):
        async with lab.logged("protocol error|wrong version|http request"):
            why = await refusal(replace(alice, url=f"mqtt://localhost:{lab.tls_port}"))
        assert "ended the connection before it answered" in why
        assert "not TLS (mqtts://), on this port" in why
    with attack("no TLS"):
        why = await refusal(replace(alice, url=f"mqtts://localhost:{lab.mqtt.port}"))
        assert "not plain MQTT (mqtt://), on this port" in why


@pytest.mark.parametrize("host", ["lab.example", "192.0.2.1", "[2001:db8::1]", "127.0.0.1.example"])
async def test_passwords_do_not_cross_a_network_readable(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABMESH_PLAIN_MQTT", raising=False)
    account = Account(url=f"mqtt://{host}", username="alice", password="hush")  # noqa: S106
    with attack("no TLS"), pytest.raises(ConfigurationError) as failure:
        make_transport(account, client_id="c")
    assert "readable over the network; write mqtts://, or set LABMESH_PLAIN_MQTT=1" in str(
        failure.value
    )
    assert "hush" not in str(failure.value)
    monkeypatch.setenv("LABMESH_PLAIN_MQTT", "1")
    make_transport(account, client_id="c")


async def test_files_of_tls_that_are_none_are_named(lab: SecureLab, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    alice = lab.account("alice")
    assert f"{bad}: not a file of trusted certificates" in await refusal(replace(alice, ca=bad))
    mixed = replace(lab.account("carol"), key=lab.folder / "dave.key")
    assert "carol.pem: not our certificate and its key: key values mismatch" in await refusal(mixed)


async def test_a_new_certificate_is_taken_while_all_runs(lab: SecureLab) -> None:
    async def serial() -> int:
        _, writer = await asyncio.open_connection("localhost", lab.tls_port, ssl=tls(lab))
        peer = writer.get_extra_info("peercert")
        await hang_up(writer)
        return int(peer["serialNumber"], 16)

    before = await serial()
    async with lab.connected("alice") as alice:
        issued = lab.ca.issue_server(
            ["localhost", "127.0.0.1"], lab.folder / "server.pem", lab.folder / "server.key"
        )
        lab.mqtt.reload(lab.config)
        async with asyncio.timeout(30):
            while await serial() == before:
                await asyncio.sleep(0.1)
        assert await serial() == issued.serial
        assert alice.connected
        assert alice.stats.connections == 1
