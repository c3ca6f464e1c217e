"""What both transports promise."""

from __future__ import annotations

import asyncio

import pytest

from labmesh.transport import Delivery, Outbound, Will
from messages.envelope import MAX_PAYLOAD
from messages.errors import (
    NotConnectedError,
    PayloadTooLargeError,
    TopicError,
    TransportError,
)
from tests.labmesh.transport.net import Net, eventually


class Inbox:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    @property
    def payloads(self) -> list[bytes]:
        return [delivery.payload for delivery in self.deliveries]

    async def wait(self, count: int) -> list[bytes]:
        await eventually(lambda: len(self.deliveries) >= count)
        return self.payloads


async def settled(net: Net) -> None:
    """Return when whatever was published before has been delivered to an earlier subscriber."""
    inbox = Inbox()
    transport = await net.open("settled")
    await transport.subscribe(net.topic("z", "settled"), inbox)
    await transport.publish(net.topic("z", "settled"), b"")
    await inbox.wait(1)
    await transport.close()
    await asyncio.sleep(0.02)  # the way through the proxies


async def test_qos_1_arrives_with_everything(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("data"), inbox)
    await a.publish(
        net.topic("data"), b"\x00\xff", properties={"k": "ä", "l": ""}, correlation=b"\x01\x00"
    )
    await inbox.wait(1)
    (got,) = inbox.deliveries
    assert (got.topic, got.payload, got.qos, got.retain) == (
        net.topic("data"),
        b"\x00\xff",
        1,
        False,
    )
    assert dict(got.properties) == {"k": "ä", "l": ""}
    assert got.correlation == b"\x01\x00"
    assert (a.stats.published, a.stats.no_subscribers, b.stats.received) == (1, 0, 1)


async def test_qos_0_arrives(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("data"), inbox)
    await a.publish(net.topic("data"), b"x", qos=0)
    await inbox.wait(1)
    assert (inbox.deliveries[0].qos, inbox.deliveries[0].correlation) == (0, None)


async def test_the_subscription_caps_the_qos(net: Net) -> None:
    a, inbox = await net.open("a"), Inbox()
    await a.subscribe(net.topic("data"), inbox, qos=0)
    await a.publish(net.topic("data"), b"x", qos=1)
    await inbox.wait(1)
    assert inbox.deliveries[0].qos == 0


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [("+/y", {"x/y", "z/y"}), ("#", {"x", "x/y", "z/y", "x/y/z"}), ("x/#", {"x", "x/y", "x/y/z"})],
)
async def test_wildcards(net: Net, pattern: str, wanted: set[str]) -> None:
    a, inbox = await net.open("a"), Inbox()
    await a.subscribe(net.topic(pattern), inbox)
    for levels in ("x", "x/y", "z/y", "x/y/z"):
        await a.publish(net.topic(levels), b"")
    await inbox.wait(len(wanted))
    await settled(net)
    got = {d.topic for d in inbox.deliveries} - {net.topic("z", "settled")}
    assert got == {net.topic(levels) for levels in wanted}


async def test_a_late_subscriber_gets_the_retained_value(net: Net) -> None:
    a, early, late = await net.open("a"), Inbox(), Inbox()
    await a.subscribe(net.topic("r"), early)
    await a.publish(net.topic("r"), b"old", retain=True)
    await a.publish(net.topic("r"), b"new", retain=True)
    await early.wait(2)
    assert [d.retain for d in early.deliveries] == [False, False]
    b = await net.open("b")
    await b.subscribe(net.topic("+"), late)
    assert await late.wait(1) == [b"new"]
    assert late.deliveries[0].retain


async def test_an_empty_payload_clears_the_retained_value(net: Net) -> None:
    a, inbox = await net.open("a"), Inbox()
    await a.publish(net.topic("r"), b"x", retain=True)
    await a.publish(net.topic("r"), b"", retain=True)
    await a.subscribe(net.topic("r"), inbox)
    await a.publish(net.topic("r"), b"live")
    assert await inbox.wait(1) == [b"live"]


async def test_handlers_that_share_a_filter(net: Net) -> None:
    a, first, second, third = await net.open("a"), Inbox(), Inbox(), Inbox()
    await a.publish(net.topic("r"), b"kept", retain=True)
    await a.subscribe(net.topic("r"), first)
    await first.wait(1)
    subscription = await a.subscribe(net.topic("r"), second)
    assert await second.wait(1) == [b"kept"]
    await a.publish(net.topic("r"), b"live", retain=True)
    assert await first.wait(2) == await second.wait(2) == [b"kept", b"live"]
    await a.subscribe(net.topic("r"), third)
    assert await third.wait(1) == [b"live"]
    await settled(net)
    assert first.payloads == second.payloads == [b"kept", b"live"], "no replay to the earlier"
    await subscription.cancel()
    await subscription.cancel()
    await a.publish(net.topic("r"), b"after")
    assert await first.wait(3) == [b"kept", b"live", b"after"]
    assert second.payloads == [b"kept", b"live"]


@pytest.mark.parametrize("pattern", ["r", "+", "#"])
async def test_a_live_value_is_not_replayed_to_who_has_had_it(net: Net, pattern: str) -> None:
    a, early, late = await net.open("a"), Inbox(), Inbox()
    await a.subscribe(net.topic("+"), early)
    await a.publish(net.topic("r"), b"x", retain=True)
    await early.wait(1)
    await a.subscribe(net.topic(pattern), late)
    await late.wait(1)
    await settled(net)
    assert early.payloads == [b"x"]


async def test_a_cancelled_subscription_may_be_made_anew(net: Net) -> None:
    a, inbox = await net.open("a"), Inbox()
    subscription = await a.subscribe(net.topic("r"), Inbox())
    await subscription.cancel()
    await a.publish(net.topic("r"), b"x", retain=True)
    assert (await a.subscribe(net.topic("r"), inbox)).pattern == net.topic("r")
    assert await inbox.wait(1) == [b"x"]
    assert a.stats.received == 1


async def test_subscribing_before_open(net: Net) -> None:
    a, inbox = await net.make("a"), Inbox()
    await a.subscribe(net.topic("x"), inbox)
    await a.open()
    await a.publish(net.topic("x"), b"1")
    assert await inbox.wait(1) == [b"1"]


async def test_the_will_is_published_when_lost_and_only_then(net: Net) -> None:
    watcher, inbox = await net.open("watcher"), Inbox()
    await watcher.subscribe(net.topic("will", "+"), inbox)
    dropped = await net.open("dropped", will=Will(net.topic("will", "dropped"), b"1"))
    await net.cut_off(dropped)
    await inbox.wait(1)
    lost = await net.open("lost", will=Will(net.topic("will", "lost"), b"2"))
    await lost.close(lost=True)
    await inbox.wait(2)
    clean = await net.open("clean", will=Will(net.topic("will", "clean"), b"3"))
    await clean.close()
    await settled(net)
    assert inbox.payloads == [b"1", b"2"]
    late = Inbox()
    await watcher.subscribe(net.topic("will", "lost"), late)
    assert await late.wait(1) == [b"2"], "a will is retained"


async def test_the_will_may_change_before_a_reconnect(net: Net) -> None:
    watcher, inbox = await net.open("watcher"), Inbox()
    await watcher.subscribe(net.topic("will"), inbox)
    a = await net.open("a", will=Will(net.topic("will"), b"old"))
    a.set_will(Will(net.topic("will"), b"new"))
    await net.drop(a)
    assert await inbox.wait(1) == [b"old"]
    await eventually(lambda: a.connected)
    await a.close(lost=True)
    assert await inbox.wait(2) == [b"old", b"new"]


async def test_unacknowledged_is_delivered_again_and_acknowledged_not(net: Net) -> None:
    got: list[Delivery] = []
    reader = await net.open("reader", clean_start=False, session_expiry=60)
    await reader.subscribe(net.topic("in"), got.append, manual_ack=True)
    a = await net.open("a")
    for number in range(5):
        await a.publish(net.topic("in"), b"%d" % number)
    await eventually(lambda: len(got) == 5)
    old = got[:]
    old[3].ack()  # must wait for its turn: 2 is not acknowledged
    for delivery in (old[0], old[1], old[1]):
        delivery.ack()
    await settled(net)
    await net.drop(reader)
    await eventually(lambda: len(got) == 8)
    assert [d.payload for d in got[5:]] == [b"2", b"3", b"4"]
    for delivery in old:
        delivery.ack()  # of a connection that is gone: no effect
    await net.drop(reader)
    await eventually(lambda: len(got) == 11)
    assert [d.payload for d in got[8:]] == [b"2", b"3", b"4"]
    for delivery in got[8:]:
        delivery.ack()
    await a.publish(net.topic("in"), b"last")
    await eventually(lambda: len(got) == 12)
    got[11].ack()
    await settled(net)
    await net.drop(reader)
    await eventually(lambda: reader.connected)
    await settled(net)
    assert len(got) == 12


async def test_a_durable_intake_gets_what_came_while_no_process_was_there(net: Net) -> None:
    intake = {"clean_start": False, "session_expiry": 60}
    first = await net.open("intake", **intake)
    await first.subscribe(net.topic("in"), Inbox())
    await first.close()
    a = await net.open("a")
    for number in range(300):
        await a.publish(net.topic("in"), b"%d" % number)
    second, inbox = await net.open("intake", **intake), Inbox()
    await asyncio.sleep(0.1)  # the messages come before the handler: they must wait for it
    assert second.stats.received > 0
    await second.subscribe(net.topic("in"), inbox)
    assert await inbox.wait(300) == [b"%d" % number for number in range(300)]


async def test_who_may_not_come_back_stays_away_until_it_may(net: Net) -> None:
    answers: list[bool | Exception] = [False, RuntimeError("cannot tell"), True]
    a, asked = await net.open("a"), 0

    async def may() -> bool:
        nonlocal asked
        answer = answers[min(asked, 2)]
        asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    a.before_reconnect(may)
    assert asked == 0
    await net.drop(a)
    await eventually(lambda: a.connected)
    assert (asked, a.stats.connections) == (3, 2)


async def test_a_clean_start_forgets(net: Net) -> None:
    first = await net.open("intake", session_expiry=60)
    await first.subscribe(net.topic("in"), Inbox())
    await first.close()
    a = await net.open("a")
    await a.publish(net.topic("in"), b"missed")
    second, inbox = await net.make("intake", session_expiry=60), Inbox()
    await second.subscribe(net.topic("in"), inbox)
    await second.open()
    await a.publish(net.topic("in"), b"live")
    assert await inbox.wait(1) == [b"live"]


async def test_a_reconnect_resumes_the_session_where_there_is_one(net: Net) -> None:
    reader, inbox = await net.open("reader", session_expiry=60), Inbox()
    await reader.subscribe(net.topic("in"), inbox)
    a = await net.open("a")
    await net.cut_off(reader)
    await a.publish(net.topic("in"), b"missed")
    await net.let_back(reader)
    assert await inbox.wait(1) == [b"missed"]


async def test_what_was_cancelled_without_a_connection_is_not_resumed(net: Net) -> None:
    reader, inbox, other = await net.open("reader", session_expiry=60), Inbox(), Inbox()
    subscription = await reader.subscribe(net.topic("in"), inbox)
    await reader.subscribe(net.topic("other"), other)
    a = await net.open("a")
    await net.cut_off(reader)
    await subscription.cancel()
    await net.let_back(reader)
    await eventually(lambda: reader.connected)
    await a.publish(net.topic("other"), b"1")
    await other.wait(1)
    await a.publish(net.topic("in"), b"2")
    await a.publish(net.topic("other"), b"3")
    await other.wait(2)
    assert reader.stats.received == 2


async def test_subscriptions_are_restored_with_their_retained_values(net: Net) -> None:
    reader, a = await net.open("reader"), await net.open("a")
    inboxes = [Inbox() for _ in range(20)]
    for number, inbox in enumerate(inboxes):
        await a.publish(net.topic(f"r{number}"), b"x", retain=True)
        await reader.subscribe(net.topic(f"r{number}"), inbox)
        await inbox.wait(1)
    await net.cut_off(reader)
    await a.publish(net.topic("r0"), b"changed", retain=True)
    await net.let_back(reader)
    await eventually(lambda: reader.connected)
    assert await inboxes[0].wait(2) == [b"x", b"changed"]
    for inbox in inboxes[1:]:
        assert await inbox.wait(2) == [b"x", b"x"]
    await a.publish(net.topic("r19"), b"live")
    assert await inboxes[19].wait(3) == [b"x", b"x", b"live"]


async def test_publish_without_a_connection_waits_and_arrives(net: Net) -> None:
    a, reader, inbox = await net.open("a", window=10), await net.open("reader"), Inbox()
    await reader.subscribe(net.topic("in"), inbox)
    await net.cut_off(a)
    assert not a.connected
    waiting = [
        asyncio.create_task(a.publish(net.topic("in"), b"%d" % number), name=f"publish-{number}")
        for number in range(30)
    ]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    assert a._window.held == 10
    with pytest.raises(NotConnectedError, match="no connection"):
        await a.publish(net.topic("in"), b"impatient", wait=False)
    await a.publish(net.topic("in"), b"at most once", qos=0)
    assert a.stats.dropped == 1
    waiting[4].cancel()
    await net.let_back(a)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await inbox.wait(29) == [b"%d" % number for number in range(30) if number != 4]


async def test_what_expires_without_a_connection_is_not_sent(net: Net) -> None:
    a, reader, inbox = await net.open("a"), await net.open("reader"), Inbox()
    await reader.subscribe(net.topic("in"), inbox)
    await net.cut_off(a)
    with pytest.raises(NotConnectedError, match="expired unacknowledged"):
        await a.publish(net.topic("in"), b"stale", expiry=0.05)
    await net.let_back(a)
    await a.publish(net.topic("in"), b"fresh", expiry=10)
    assert await inbox.wait(1) == [b"fresh"]


async def test_an_expired_message_is_not_delivered(net: Net) -> None:
    intake = {"clean_start": False, "session_expiry": 60}
    first = await net.open("intake", **intake)
    await first.subscribe(net.topic("in"), Inbox())
    await first.close()
    a = await net.open("a")
    await a.publish(net.topic("in"), b"stale", expiry=1)
    await a.publish(net.topic("in"), b"fresh", expiry=60)
    await asyncio.sleep(2.1)
    second, inbox = await net.make("intake", **intake), Inbox()
    await second.subscribe(net.topic("in"), inbox)
    await second.open()
    assert await inbox.wait(1) == [b"fresh"]


async def test_callbacks_tell_of_the_connection(net: Net) -> None:
    a, told = await net.make("a"), list[str]()

    async def broken() -> None:
        raise RuntimeError("broken")

    async def connected() -> None:
        assert a.connected
        await a.publish(net.topic("birth"), b"")
        told.append("up")

    def broken_too(_reason: str) -> None:
        raise RuntimeError("broken")

    def disconnected(reason: str) -> None:
        assert not a.connected
        assert reason
        told.append("down")

    a.on_connect(broken)
    a.on_connect(connected)
    a.on_disconnect(broken_too)
    a.on_disconnect(disconnected)
    await a.open()
    assert told == ["up"]
    await net.drop(a)
    await eventually(lambda: told == ["up", "down", "up"])
    await a.close()
    assert told == ["up", "down", "up"], "closing is not losing"
    assert a.stats.connections == 2


async def test_a_handler_error_is_contained(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    a, inbox = await net.open("a"), Inbox()

    def bad(delivery: Delivery) -> None:
        raise ValueError("spilled")

    async def bad_later(delivery: Delivery) -> None:
        await asyncio.sleep(0)
        raise ValueError("spilled later")

    await a.subscribe(net.topic("x"), bad)
    await a.subscribe(net.topic("+"), bad_later)
    await a.subscribe(net.topic("#"), inbox)
    await a.publish(net.topic("x"), b"1")
    await a.publish(net.topic("x"), b"2")
    assert await inbox.wait(2) == [b"1", b"2"]
    await eventually(lambda: a.stats.handler_errors == 4)
    assert f"failed on {net.topic('x')}" in caplog.text
    assert "spilled later" in caplog.text


async def test_coroutine_handlers_run_one_at_a_time_in_order(net: Net) -> None:
    a, running, done = await net.open("a"), 0, list[bytes]()

    async def slow(delivery: Delivery) -> None:
        nonlocal running
        running += 1
        assert running == 1
        task = asyncio.current_task()
        assert task is not None
        assert net.topic("x") in task.get_name()
        await asyncio.sleep(0.001 if delivery.payload != b"0" else 0.05)
        running -= 1
        done.append(delivery.payload)

    other = Inbox()
    await a.subscribe(net.topic("x"), slow)
    await a.subscribe(net.topic("y"), other)
    for number in range(20):
        await a.publish(net.topic("x"), b"%d" % number)
    await a.publish(net.topic("y"), b"not held up")
    await other.wait(1)
    await eventually(lambda: len(done) == 20)
    assert done == [b"%d" % number for number in range(20)]
    assert a.stats.handler_errors == 0


async def test_a_coroutine_handler_acknowledges_when_it_has_finished(net: Net) -> None:
    begun, go = list[bytes](), asyncio.Event()

    async def handler(delivery: Delivery) -> None:
        begun.append(delivery.payload)
        await go.wait()

    reader = await net.open("reader", session_expiry=60)
    await reader.subscribe(net.topic("in"), handler)
    a = await net.open("a")
    await a.publish(net.topic("in"), b"x")
    await eventually(lambda: begun == [b"x"])
    await net.drop(reader)
    go.set()
    await eventually(lambda: begun == [b"x", b"x"])


async def test_a_handler_may_cancel_itself_and_close(net: Net) -> None:
    a, count = await net.open("a"), 0

    async def once(delivery: Delivery) -> None:
        nonlocal count
        count += 1
        await subscription.cancel()
        await a.close()
        count += 1

    subscription = await a.subscribe(net.topic("x"), once)
    await a.publish(net.topic("x"), b"")
    await eventually(lambda: count == 2)


async def test_oversize_and_bad_topics_are_refused_before_sending(net: Net) -> None:
    a = await net.open("a")
    with pytest.raises(PayloadTooLargeError, match="98305 bytes exceeds 98304"):
        await a.publish(net.topic("x"), bytes(MAX_PAYLOAD + 1))
    for properties, correlation in (
        ({"k": "x" * 65536}, None),
        ({"\ud800": ""}, None),
        ({}, bytes(65536)),
    ):
        with pytest.raises(PayloadTooLargeError, match="property"):
            await a.publish(
                net.topic("x"), b"", properties=properties, correlation=correlation, qos=0
            )
    with pytest.raises(TypeError):
        await a.publish(net.topic("x"), "text")  # type: ignore[arg-type]
    for topic in ("", "\ud800", "a//b", "a/+", "a/#", "a/b\x00", "/".join("abcdefghi"), "ä" * 129):
        with pytest.raises(TopicError):
            await a.publish(topic, b"")
    for pattern in ("", "a+/b", "#/a", "a//b"):
        with pytest.raises(TopicError):
            await a.subscribe(pattern, Inbox())
    assert a.stats.published == 0


async def test_the_largest_payload_arrives(net: Net) -> None:
    a, inbox = await net.open("a"), Inbox()
    await a.subscribe(net.topic("x"), inbox)
    payload = bytes(range(256)) * (MAX_PAYLOAD // 256)
    await a.publish(net.topic("x"), payload)
    assert await inbox.wait(1) == [payload]


async def test_nobody_listening_is_a_success_that_shows(net: Net) -> None:
    a = await net.open("a")
    await a.publish(net.topic("x"), b"")
    assert (a.stats.published, a.stats.no_subscribers) == (1, 1)


async def test_5000_messages_arrive_in_order(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("x"), inbox)
    await asyncio.gather(*(a.publish(net.topic("x"), b"%d" % n) for n in range(5000)))
    assert await inbox.wait(5000) == [b"%d" % n for n in range(5000)]
    await asyncio.gather(*(a.publish(net.topic("x"), b"%d" % n, qos=0) for n in range(5000)))
    assert (await inbox.wait(10000))[5000:] == [b"%d" % n for n in range(5000)]


async def test_many_at_once_arrive_in_order_with_everything(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("data"), inbox)
    topic = net.topic("data")
    many = [Outbound(topic, b"%d" % n, False, {"type": "T@1"}) for n in range(1000)]
    finished = await a.publish_all(many)
    await a.publish(topic, b"last")
    assert await finished == []
    assert await inbox.wait(1001) == [*(b"%d" % n for n in range(1000)), b"last"]
    assert all(d.properties == {"type": "T@1"} for d in inbox.deliveries[:1000])
    assert await (await a.publish_all([])) == []


async def test_of_many_the_bad_ones_are_named_and_the_others_arrive(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("data"), inbox)
    many = [
        Outbound(net.topic("data"), b"first"),
        Outbound(net.topic("+"), b"wild"),
        Outbound(net.topic("data"), bytes(MAX_PAYLOAD + 1)),
        Outbound(net.topic("data"), b"last"),
    ]
    errors = await (await a.publish_all(many))
    assert [type(error) for error in errors] == [TopicError, PayloadTooLargeError]
    assert await inbox.wait(2) == [b"first", b"last"]


async def test_many_survive_a_lost_connection_and_fail_when_closed(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.subscribe(net.topic("data"), inbox)
    await net.cut_off(a)
    finished = await a.publish_all(Outbound(net.topic("data"), b"%d" % n) for n in range(50))
    assert not finished.done()
    await net.let_back(a)
    assert await finished == []
    assert sorted(set(await inbox.wait(50)), key=int) == [b"%d" % n for n in range(50)]
    await net.cut_off(a)
    finished = await a.publish_all([Outbound(net.topic("data"), b"never")])
    await a.close()
    assert [type(error) for error in await finished] == [NotConnectedError]
    with pytest.raises(NotConnectedError):
        await a.publish_all([Outbound(net.topic("data"), b"closed")])


async def test_closing_leaves_nothing(net: Net) -> None:
    before = asyncio.all_tasks()
    a = await net.open("a")
    await a.subscribe(net.topic("x"), _forever)
    await a.publish(net.topic("x"), b"")
    await eventually(lambda: a.stats.received == 1)
    await a.close()
    await a.close()
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not {name for name in names if name.startswith("transport")}
    with pytest.raises(NotConnectedError, match="closed"):
        await a.publish(net.topic("x"), b"")
    with pytest.raises(NotConnectedError, match="closed"):
        await a.subscribe(net.topic("x"), Inbox())
    with pytest.raises(TransportError, match="once"):
        await a.open()


async def test_closing_while_reconnecting(net: Net) -> None:
    a = await net.open("a", window=2)
    await net.cut_off(a)
    waiting = [asyncio.create_task(a.publish(net.topic("x"), b"")) for _ in range(5)]
    subscribing = asyncio.create_task(a.subscribe(net.topic("x"), Inbox()))
    await asyncio.sleep(0.02)
    await a.close()
    for task in (*waiting, subscribing):
        with pytest.raises(NotConnectedError, match="closed"):
            await task


async def test_subscribing_without_a_connection_waits(net: Net) -> None:
    a, b, inbox = await net.open("a"), await net.open("b"), Inbox()
    await b.publish(net.topic("x"), b"1", retain=True)
    await net.cut_off(a)
    subscribing = asyncio.create_task(a.subscribe(net.topic("x"), inbox))
    await asyncio.sleep(0.02)
    assert not subscribing.done()
    await net.let_back(a)
    await subscribing
    assert await inbox.wait(1) == [b"1"]


async def _forever(delivery: Delivery) -> None:
    await asyncio.Event().wait()
