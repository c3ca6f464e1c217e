"""Reliability and history: QoS 0 or 1, how many wait, what is said of losses."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from labmesh import SENSOR_DATA, Node, NodeParameters, QoS, publisher
from labmesh.streams import DEFAULT, LATCHED, PARAMETER_EVENTS, PARAMETERS
from messages.errors import ConfigurationError
from tests.ros2.lab import Lab, Plain, Temperature, until


class Sensor(Node[NodeParameters]):
    """One stream of each kind."""

    fast = publisher("fast", Temperature, qos=SENSOR_DATA)
    sure = publisher("sure", Temperature)
    pulse = publisher("pulse", Temperature, qos=QoS(liveliness=1.0))


def test_the_profiles_of_ros_and_what_is_none() -> None:
    assert [each.mqtt for each in (SENSOR_DATA, DEFAULT, PARAMETERS, PARAMETER_EVENTS)] == [
        0, 1, 1, 1,
    ]  # fmt: skip
    assert LATCHED.retained
    assert not DEFAULT.retained
    assert SENSOR_DATA.depth == 5
    for field in ("depth", "lifespan", "deadline", "liveliness"):
        with pytest.raises(ConfigurationError, match=f"QoS: {field} is 0, and must be positive"):
            replace(DEFAULT, **{field: 0})  # type: ignore[arg-type]


async def test_no_profile_starves_a_subscriber_and_less_than_asked_is_said(lab: Lab) -> None:
    sensor, listener = await lab.start(Sensor), await lab.start(Plain)
    said: list[str] = []
    listener.log.sink = lambda record: said.append(record.text)
    heard: list[float] = []
    await listener.create_subscription(
        sensor.id, "fast", Temperature, lambda message: heard.append(message.kelvin),
        qos=QoS(reliability="reliable", durability="transient_local", deadline=3600),
    )  # fmt: skip
    await sensor.fast.publish(Temperature(kelvin=1))
    await until(lambda: heard == [1.0])
    await until(lambda: any("offers less than is asked for" in text for text in said))
    [text] = [text for text in said if "offers less" in text]
    assert text.endswith("it is best effort, it keeps nothing for late joiners")


async def test_of_a_slow_callback_only_the_newest_wait(lab: Lab) -> None:
    sensor, listener = await lab.start(Sensor), await lab.start(Plain)
    heard: dict[str, list[float]] = {"newest": [], "all": []}
    go = asyncio.Event()

    async def newest(message: Temperature) -> None:
        await go.wait()
        heard["newest"].append(message.kelvin)

    async def all_of_them(message: Temperature) -> None:
        await go.wait()
        heard["all"].append(message.kelvin)

    short = await listener.create_subscription(sensor.id, "sure", Temperature, newest, depth=2)
    await listener.create_subscription(sensor.id, "sure", Temperature, all_of_them)
    for number in range(20):
        await sensor.sure.publish(Temperature(kelvin=number))
    assert listener._node_streams is not None
    dropped = listener._node_streams.troubles.counts["dropped"]
    await until(lambda: dropped[short.where] == 17)
    go.set()
    await until(lambda: len(heard["all"]) == 20)
    assert heard["all"] == list(range(20)), "reliable and without a depth: every one, in order"
    await until(lambda: len(heard["newest"]) == 3)
    assert heard["newest"] == [0.0, 18.0, 19.0]


async def test_what_is_lost_on_the_way_is_known_from_the_beats(lab: Lab) -> None:
    sensor, listener = await lab.start(Sensor), await lab.start(Plain)
    heard: list[float] = []
    subscription = await listener.create_subscription(
        sensor.id, "fast", Temperature, lambda message: heard.append(message.kelvin)
    )
    for number in range(3):
        await sensor.fast.publish(Temperature(kelvin=number))
    await until(lambda: subscription._losses._base is not None)
    # What a full queue of an MQTT broker does to QoS 0.
    send = sensor.fast._send
    sensor.fast._send = lost  # type: ignore[method-assign]
    for number in range(4):
        await sensor.fast.publish(Temperature(kelvin=number))
    sensor.fast._send = send  # type: ignore[method-assign]
    await sensor.fast.publish(Temperature(kelvin=9))
    await until(lambda: subscription.missing == 4)
    assert len(heard) == 4


async def lost(payload: bytes, stamp: int) -> None:
    """Send nothing."""


async def test_a_repetition_reaches_no_callback(lab: Lab) -> None:
    sensor, listener = await lab.start(Sensor), await lab.start(Plain)
    heard: list[float] = []
    subscription = await listener.create_subscription(
        sensor.id, "sure", Temperature, lambda message: heard.append(message.kelvin)
    )
    header, payload = sensor.sure._prepare(Temperature(kelvin=1))
    for _ in range(3):  # as a client does whose acknowledgement was lost
        await sensor.sure._send(payload, header.stamp)
    await sensor.sure.publish(Temperature(kelvin=2))
    await until(lambda: heard == [1.0, 2.0])
    assert listener._node_streams is not None
    assert listener._node_streams.troubles.counts["repeated"][subscription.where] == 2
