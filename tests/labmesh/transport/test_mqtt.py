"""What only MQTT over TCP can do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from labmesh.transport import Delivery, MqttOptions, MqttTransport
from labmesh.transport._mqtt_link import MAX_PACKET
from messages.errors import (
    ConfigurationError,
    NotConnectedError,
    PublishRefusedError,
    TransportError,
)
from tests.labmesh.transport.net import eventually
from tests.labmesh.transport.scripted import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBLISH,
    SUBSCRIBE,
    Packet,
    Peer,
    ScriptedServer,
)
from tests.support import MqttBroker, TcpProxy

Make = Callable[..., MqttTransport]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[MqttTransport] = []

    def transport(url: str, **options: Any) -> MqttTransport:
        options = {"client_id": "alice", "backoff": (0.02, 0.1)} | options
        made.append(MqttTransport(MqttOptions(url=url, **options)))
        return made[-1]

    yield transport
    for each in made:
        await each.close()


async def serve(peer: Peer) -> None:
    """Accept, and acknowledge everything."""
    peer.connack()
    while (packet := await peer.read()) is not None:
        if packet.kind == PUBLISH and packet.flags & 2:
            peer.puback(packet.mid)
        elif packet.kind == SUBSCRIBE:
            peer.send(b"\x90\x04" + packet.mid.to_bytes(2, "big") + b"\x00\x01")
        elif packet.kind == PINGREQ:
            peer.send(b"\xd0\x00")


async def connected(transport: MqttTransport, times: int) -> None:
    await eventually(lambda: transport.stats.connections == times and transport.connected)


async def published(server: ScriptedServer, count: int) -> list[Packet]:
    """Return what the first connection published, exactly ``count`` packets."""
    await eventually(lambda: len(server.peers[0].of(PUBLISH)) >= count)
    packets = server.peers[0].of(PUBLISH)
    assert len(packets) == count
    return packets


async def test_a_broker_killed_in_mid_stream_costs_nothing_but_what_it_had_taken(
    mqtt_broker: MqttBroker, make: Make
) -> None:
    """``publish`` returns when the MQTT broker has the message; until then we send it again.

    So what it had taken may die with it, and all the rest must arrive, in order.
    """
    topic, got, taken = "lab1/kit/alice/x", list[int](), set[int]()
    reader = make(mqtt_broker.url, client_id="reader")
    await reader.open()
    await reader.subscribe(topic, lambda d: got.append(int(d.payload)))
    async with TcpProxy(mqtt_broker.port) as proxy:
        writer = make(proxy.url, username="alice")
        await writer.open()

        async def publish(number: int) -> None:
            await writer.publish(topic, b"%d" % number)
            taken.add(number)

        work = asyncio.gather(*(publish(number) for number in range(3000)))
        await eventually(lambda: len(taken) > 1000)
        await proxy.refuse()
        mqtt_broker.kill()
        # Acknowledgements that were under way at the kill count as taken, too.
        await eventually(lambda: not writer.connected)
        await asyncio.sleep(0)
        before = set(taken)
        mqtt_broker.start()
        await eventually(lambda: reader.stats.connections == 2 and reader.connected)
        await proxy.accept()
        await work
        assert before != taken == set(range(3000))
        await eventually(lambda: got[-1] == 2999)
    assert set(range(3000)) - set(got) <= before
    first_seen = list(dict.fromkeys(got))
    assert first_seen == sorted(first_seen)
    assert 0 < writer.stats.resent <= writer.options.window


async def test_access_rules_refuse_a_publish(shared_mqtt_broker: MqttBroker, make: Make) -> None:
    a = make(shared_mqtt_broker.url, username="alice")
    await a.open()
    with pytest.raises(PublishRefusedError, match="0x87 Not authorized") as refusal:
        await a.publish("lab1/kit/bob/x", b"")
    assert refusal.value.where == "lab1/kit/bob/x"
    assert a.stats.refused == 1
    await a.publish("lab1/kit/alice/x", b"")


async def test_wrong_and_right_password(tmp_path: Path, make: Make) -> None:
    accounts = tmp_path / "accounts"
    command = ["mosquitto_passwd", "-c", "-b", str(accounts), "alice", "s3cr3t/@"]
    subprocess.run(command, check=True, timeout=30)
    accounts.chmod(0o644)
    with MqttBroker(tmp_path / "mosquitto", password_file=accounts) as broker:
        await make(broker.url, username="alice", password="s3cr3t/@").open()  # noqa: S106
        url = broker.url.replace("mqtt://", "mqtt://alice:s3cr3t%2F%40@")
        await make(url, client_id="by-url").open()
        wrong = make(broker.url, username="alice", password="guess")  # noqa: S106
        with pytest.raises(NotConnectedError, match="check user name and password") as failure:
            await wrong.open(timeout=30)
        assert f"127.0.0.1:{broker.port}" in str(failure.value)
        assert "guess" not in str(failure.value) + repr(wrong.options)


async def test_nothing_listens(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        a = make(f"mqtt://127.0.0.1:{port}")
        with pytest.raises(NotConnectedError) as failure:
            await a.open(timeout=0.2)
    assert str(failure.value) == (
        f"no connection to the MQTT broker at 127.0.0.1:{port} within 0.2 s: "
        f"nothing listens at 127.0.0.1:{port}; "
        "check host, port and that it runs"
    )


async def test_an_unknown_host(make: Make) -> None:
    with pytest.raises(NotConnectedError, match=r"host 'no-such-host\.invalid' is not known"):
        await make("mqtts://no-such-host.invalid").open(timeout=2)


async def test_a_listener_that_never_answers(make: Make) -> None:
    async def silence(peer: Peer) -> None:
        await peer.read_all()

    async with ScriptedServer(silence) as server:
        a = make(server.url)
        with pytest.raises(NotConnectedError, match="did not answer"):
            await a.open(timeout=0.2)
        await eventually(lambda: len(server.peers) == 1)


async def test_a_server_of_an_older_protocol(make: Make) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.read()
        peer.send(b"\x20\x02\x00\x01")

    async with ScriptedServer(refuse) as server:
        with pytest.raises(NotConnectedError, match="MQTT 5"):
            await make(server.url).open(timeout=0.5)


@pytest.mark.parametrize(
    ("code", "remedy"), [(0x84, "speaks MQTT 5"), (0x85, "client id"), (0x87, "access rules")]
)
async def test_final_refusals_are_not_repeated(make: Make, code: int, remedy: str) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.read()
        peer.connack(code)

    async with ScriptedServer(refuse) as server:
        with pytest.raises(NotConnectedError, match=f"0x{code:02X}.*{remedy}"):
            await make(server.url).open(timeout=None)
        assert len(server.peers) == 1


async def test_passing_refusals_are_repeated(make: Make) -> None:
    async def busy_at_first(peer: Peer) -> None:
        await peer.read()
        if len(server.peers) < 4:
            peer.connack(0x89)
        else:
            await serve(peer)

    async with ScriptedServer(busy_at_first) as server:
        a = make(server.url)
        await a.open()
        assert (len(server.peers), a.stats.connections) == (4, 1)
        await a.close()


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, [True, True]),
        ({"session_expiry": 60}, [True, False]),
        ({"clean_start": False, "session_expiry": 60}, [False, False]),
    ],
)
async def test_clean_start_at_the_first_connection_and_after(
    make: Make, options: dict[str, Any], flags: list[bool]
) -> None:
    async with ScriptedServer(serve) as server:
        a = make(server.url, **options)
        await a.open()
        server.peers[0].writer.transport.abort()
        await eventually(lambda: a.stats.connections == 2 and a.connected)
        await a.close()
        assert [peer.of(CONNECT)[0].clean_start for peer in server.peers] == flags
        assert server.peers[1].of(DISCONNECT)


async def test_subscribes_again_also_in_a_resumed_session(make: Make) -> None:
    """A killed MQTT broker may come back with a session from before its subscriptions."""

    async def resume(peer: Peer) -> None:
        peer.connack(present=len(server.peers) == 2)
        while (packet := await peer.read()) is not None:
            if packet.kind == SUBSCRIBE:
                peer.send(b"\x90\x04" + packet.mid.to_bytes(2, "big") + b"\x00\x01")

    async with ScriptedServer(resume) as server:
        a = make(server.url, session_expiry=60)
        await a.open()
        await a.subscribe("x", print)
        for number in (2, 3):
            server.peers[-1].writer.transport.abort()
            await connected(a, number)
        await a.close()
        sent = [peer.of(SUBSCRIBE) for peer in server.peers]
        assert [len(each) for each in sent] == [1, 1, 1]
        if_new, always = 0b010001, 0b000001
        assert [each[0].body[-1] for each in sent] == [always, if_new, always], "retain handling"


async def test_the_servers_receive_maximum_is_honoured(make: Make) -> None:
    async def narrow(peer: Peer) -> None:
        await peer.read()
        peer.connack(properties=b"\x21\x00\x0a")  # Receive Maximum 10
        await peer.read_all()

    async with ScriptedServer(narrow) as server:
        a = make(server.url, window=50)
        await a.open()
        work = [asyncio.create_task(a.publish("x", b"%d" % n)) for n in range(100)]
        await eventually(lambda: len(server.peers[0].of(PUBLISH)) == 10)
        await asyncio.sleep(0.05)
        first = server.peers[0].of(PUBLISH)
        assert len(first) == 10
        server.peers[0].puback(first[0].mid)
        await eventually(lambda: len(server.peers[0].of(PUBLISH)) == 11)
        server.peers[0].writer.transport.abort()
        await eventually(lambda: len(server.peers) == 2 and len(server.peers[1].of(PUBLISH)) == 10)
        await asyncio.sleep(0.05)
        again = server.peers[1].of(PUBLISH)
        assert len(again) == 10, "not all at once after a reconnect"
        assert [p.mid for p in again] == [p.mid for p in server.peers[0].of(PUBLISH)[1:]]
        assert all(p.dup for p in again)
        await a.close()
        results = await asyncio.gather(*work, return_exceptions=True)
        assert sum(isinstance(result, NotConnectedError) for result in results) == 99


async def test_the_window_bounds_what_is_in_flight(make: Make) -> None:
    async def hold(peer: Peer) -> None:
        await peer.read()
        peer.connack()
        await peer.read_all()

    async with ScriptedServer(hold) as server:
        a = make(server.url, window=7)
        await a.open()
        work = [asyncio.create_task(a.publish("x", b"%d" % n)) for n in range(50)]
        await eventually(lambda: len(server.peers[0].of(PUBLISH)) == 7)
        for done in range(50):
            seen = await published(server, min(done + 7, 50))
            server.peers[0].puback(seen[done].mid)
        await asyncio.gather(*work)


async def test_nothing_is_sent_twice_needlessly(make: Make) -> None:
    async with ScriptedServer(serve) as server:
        a = make(server.url)
        await a.open()
        await a.publish("x", b"1")
        server.peers[0].writer.transport.abort()
        await eventually(lambda: a.stats.connections == 2 and a.connected)
        await a.publish("x", b"2")
        assert [len(peer.of(PUBLISH)) for peer in server.peers] == [1, 1]
        assert a.stats.resent == 0


async def test_an_impatient_publish_is_not_repeated(make: Make) -> None:
    async def lose_the_first(peer: Peer) -> None:
        if len(server.peers) > 1:
            await serve(peer)
            return
        await peer.read()
        peer.connack()
        await peer.read()

    async with ScriptedServer(lose_the_first) as server:
        a = make(server.url)
        await a.open()
        with pytest.raises(NotConnectedError, match="lost before the acknowledgement"):
            await a.publish("x", b"", wait=False)
        await eventually(lambda: a.stats.connections == 2 and a.connected)
        await a.publish("x", b"")
        assert len(server.peers[1].of(PUBLISH)) == 1


@pytest.mark.parametrize(
    ("code", "name"), [(0x80, "Unspecified error"), (0x97, "Quota exceeded"), (0xEE, "unknown")]
)
async def test_refusals_carry_the_reasons_name(make: Make, code: int, name: str) -> None:
    async def refuse(peer: Peer) -> None:
        peer.connack()
        while (packet := await peer.read()) is not None:
            if packet.kind == PUBLISH:
                peer.puback(packet.mid, code)

    async with ScriptedServer(refuse) as server:
        a = make(server.url)
        await a.open()
        with pytest.raises(PublishRefusedError, match=f"0x{code:02X} {name}"):
            await a.publish("x", b"")


async def test_a_refused_subscription(make: Make) -> None:
    async def refuse(peer: Peer) -> None:
        peer.connack()
        while (packet := await peer.read()) is not None:
            if packet.kind == SUBSCRIBE:
                peer.send(b"\x90\x04" + packet.mid.to_bytes(2, "big") + b"\x00\x87")

    async with ScriptedServer(refuse) as server:
        a = make(server.url)
        await a.open()
        with pytest.raises(TransportError, match=r"x: the MQTT broker refused.*0x87"):
            await a.subscribe("x", print)
        assert a.stats.refused == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xe0\x02\x8e\x00", "0x8E Session taken over"),
        (b"\xe0\x02\x8b\x00", "0x8B Server shutting down"),
        (b"\x30\x05\x00\x09ab\x00", "malformed packet"),
        (b"\x30\x04\x00\x01\xff\x00", "malformed packet"),
        (b"\x30\x06\x00\x01a\x02\x7f\x00", "malformed packet: property 0x7f"),
        (b"\x30\xff\xff\xff\xff\x01", "longer than four bytes"),
        (b"\x30\xff\xff\xff\x7f", f"exceeds {MAX_PACKET}"),
        (b"\x40\x01\x00", "PUBACK is too short"),
        (b"\x90\x01\x00", "Protocol error"),
        (b"\x00\x00", "given up"),
    ],
)
async def test_what_the_server_says_in_parting_and_nonsense(
    make: Make, data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd_at_first(peer: Peer) -> None:
        if len(server.peers) > 1:
            await serve(peer)
            return
        await peer.read()
        peer.connack()
        await asyncio.sleep(0.02)
        peer.send(data)
        await peer.read_all()

    told: list[str] = []
    async with ScriptedServer(odd_at_first) as server:
        a = make(server.url)
        a.on_disconnect(told.append)
        await a.open()
        await eventually(lambda: a.stats.connections == 2)
        assert len(told) == 1
        assert reason in told[0]


async def test_a_packet_in_pieces(make: Make) -> None:
    async def drip(peer: Peer) -> None:
        await peer.read()
        peer.connack()
        packet = await peer.read()
        assert packet is not None
        suback = b"\x90\x04" + packet.mid.to_bytes(2, "big") + b"\x00\x00"
        payload = bytes(200)
        publish = b"\x30" + b"\xcc\x01" + b"\x00\x01x\x00" + payload
        for byte in suback + publish + publish:
            peer.send(bytes((byte,)))
            await peer.writer.drain()
            await asyncio.sleep(0)
        await peer.read_all()

    got: list[Delivery] = []
    async with ScriptedServer(drip) as server:
        a = make(server.url)
        await a.open()
        await a.subscribe("x", got.append)
        await eventually(lambda: len(got) == 2)
        assert [d.payload for d in got] == [bytes(200)] * 2
        await a.close()


async def test_a_silent_connection_is_given_up(shared_mqtt_broker: MqttBroker, make: Make) -> None:
    async with TcpProxy(shared_mqtt_broker.port) as proxy:
        a, told = make(proxy.url, keepalive=1), list[str]()
        a.on_disconnect(told.append)
        await a.open()
        proxy.half_open()
        await eventually(lambda: told, timeout=20)
        assert told == ["connection given up: Keep alive timeout"]
        proxy.heal()
        await eventually(lambda: a.connected)
        await a.close()


async def test_a_quiet_connection_stays(shared_mqtt_broker: MqttBroker, make: Make) -> None:
    a = make(shared_mqtt_broker.url, keepalive=2, username="alice")
    await a.open()
    await asyncio.sleep(4)  # the MQTT broker gives up after 3
    assert a.stats.connections == 1
    await a.publish("lab1/kit/alice/x", b"", wait=False)


async def test_a_second_client_of_that_name_takes_over(
    shared_mqtt_broker: MqttBroker, make: Make
) -> None:
    first, told = make(shared_mqtt_broker.url, client_id="same"), list[str]()
    first.on_disconnect(told.append)
    await first.open()
    second = make(shared_mqtt_broker.url, client_id="same", backoff=(60, 60))
    await second.open()
    await eventually(lambda: told)
    assert told[0] in (
        "the MQTT broker disconnected: 0x8E Session taken over",
        "the MQTT broker closed the connection",  # mosquitto 2.0.11 says no more
    )


async def test_no_delay_is_set(shared_mqtt_broker: MqttBroker, make: Make) -> None:
    a = make(shared_mqtt_broker.url)
    await a.open()
    link: Any = a._link
    sock = link._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_an_unfinished_message_comes_again_after_a_restart(
    shared_mqtt_broker: MqttBroker, make: Make
) -> None:
    options = {"client_id": "intake-2", "clean_start": False, "session_expiry": 60}
    first, begun = make(shared_mqtt_broker.url, **options), list[bytes]()

    async def never(delivery: Delivery) -> None:
        begun.append(delivery.payload)
        with contextlib.suppress(asyncio.CancelledError):  # as if it had finished
            await asyncio.Event().wait()

    await first.subscribe("lab1/kit/alice/in", never)
    await first.open()
    a = make(shared_mqtt_broker.url, username="alice")
    await a.open()
    for payload in (b"1", b"2", b"3"):
        await a.publish("lab1/kit/alice/in", payload)
    await eventually(lambda: first.stats.received == 3)
    assert begun == [b"1"]
    await first.close()
    second, got = make(shared_mqtt_broker.url, **options), list[bytes]()
    await second.subscribe("lab1/kit/alice/in", lambda d: got.append(d.payload))
    await second.open()
    await eventually(lambda: len(got) == 3)
    assert got == [b"1", b"2", b"3"]


async def test_the_event_loop_is_never_blocked_by_a_full_socket(make: Make) -> None:
    async def deaf(peer: Peer) -> None:
        await peer.read()
        peer.connack()
        await asyncio.Event().wait()

    async with ScriptedServer(deaf) as server:
        a = make(server.url)
        await a.open()

        async def flood() -> None:
            while True:
                await a.publish("x", bytes(90_000), qos=0)

        task = asyncio.create_task(flood())
        await eventually(lambda: a.stats.published > 10)
        await asyncio.sleep(0.1)
        count = a.stats.published
        await asyncio.sleep(0.1)
        assert a.stats.published == count, "the publisher waits for the peer"
        task.cancel()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://x"},
        {"url": "mqtt://"},
        {"url": "mqtt://h:99999"},
        {"url": "mqtts://h/path"},
        {"url": "mqtt://lab.example"},
        {"client_id": ""},
        {"window": 0},
        {"keepalive": 0},
        {"receive_maximum": 70000},
        {"session_expiry": -1},
        {"backoff": (2.0, 1.0)},
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        MqttOptions(**{"url": "mqtts://h", "client_id": "c"} | options)
