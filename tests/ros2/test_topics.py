"""Topics: typed publishers and subscriptions between nodes, declared or made by code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labmesh import MessageInfo, Node, NodeOptions, NodeParameters, subscription
from messages.errors import BodyError, ConfigurationError
from messages.node import Descriptor
from tests.ros2.lab import Bath, Lab, Pressure, Temperature, remapped, until


class Listener(Node[NodeParameters]):
    """Notes what it hears."""

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.heard: list[float] = []
        self.infos: list[MessageInfo] = []

    @subscription("bath", "temperature", Temperature)
    async def on_temperature(self, message: Temperature, info: MessageInfo) -> None:
        """Note it."""
        self.heard.append(message.kelvin)
        self.infos.append(info)


async def test_what_is_published_arrives_typed_in_order_with_its_author(lab: Lab) -> None:
    bath = await lab.start(Bath)
    listener = await lab.start(Listener, remap=remapped(bath=str(bath.id)))
    for number in range(50):
        await bath.temperature.publish(Temperature(kelvin=number))
    await asyncio.to_thread(bath.temperature.post, Temperature(kelvin=50))  # as a driver would
    await until(lambda: len(listener.heard) == 51)
    assert listener.heard == list(range(51))
    info = listener.infos[0]
    assert info.source == bath.id
    assert info.header.type == "TestTemperature@1"
    assert not info.retained

    await bath.publish_offers()  # something else of this node's
    assert listener._node_streams is not None
    assert listener._node_streams.troubles.totals == {}, "a jump in seq is no loss"


async def test_streams_made_by_code_and_everybodys(lab: Lab) -> None:
    one, other, listener = [await lab.start(Bath) for _ in range(3)]
    heard: list[tuple[str, float]] = []

    def take(message: Temperature, info: MessageInfo) -> None:
        heard.append((str(info.source), message.kelvin))

    inner = one.create_publisher("inner/jacket", Temperature)
    assert one.create_publisher("inner/jacket", Temperature) is inner
    everybodys = await listener.create_subscription(None, "temperature", Temperature, take)
    await listener.create_subscription(one.id, "inner/jacket", Temperature, take)
    await one.temperature.publish(Temperature(kelvin=1))
    await other.temperature.publish(Temperature(kelvin=2))
    await inner.publish(Temperature(kelvin=3))
    await until(lambda: len(heard) == 3)
    assert set(heard) == {(str(one.id), 1.0), (str(other.id), 2.0), (str(one.id), 3.0)}
    await everybodys.close()
    await one.temperature.publish(Temperature(kelvin=4))
    await inner.publish(Temperature(kelvin=5))
    await until(lambda: (str(one.id), 5.0) in heard)
    assert (str(one.id), 4.0) not in heard


async def test_another_type_is_refused_by_the_publisher_and_named_by_the_subscriber(
    lab: Lab,
) -> None:
    bath = await lab.start(Bath)
    with pytest.raises(
        BodyError, match=r"data/temperature: TestPressure@1 where TestTemperature@1"
    ):
        await bath.temperature.publish(Pressure(pascal=1))  # type: ignore[arg-type]
    with pytest.raises(BodyError):
        bath.temperature.post(Pressure(pascal=1))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"published already, as TestTemperature@1"):
        bath.create_publisher("temperature", Pressure)

    listener = await lab.start(Bath)
    told: list[str] = []
    listener.log.sink = lambda record: told.append(record.text)
    heard: list[Any] = []
    await listener.create_subscription(bath.id, "temperature", Pressure, heard.append)
    for kelvin in range(20):
        await bath.temperature.publish(Temperature(kelvin=kelvin))
    assert listener._node_streams is not None
    troubles = listener._node_streams.troubles
    await until(lambda: troubles.totals.get("wrong_type") == 20)
    assert heard == []
    assert listener.mesh.problems == 1, "its author hears of it once"
    assert f"{bath.id} publishes TestTemperature@1 on data/temperature" in troubles.words
    assert len([text for text in told if "publishes TestTemperature@1" in text]) == 1


async def test_a_stream_that_nobody_publishes_is_no_silence(lab: Lab) -> None:
    bath, listener = await lab.start(Bath), await lab.start(Bath)
    subscription = await listener.create_subscription(
        bath.id, "temperatures", Temperature, lambda _message: None
    )
    assert listener._node_streams is not None
    troubles = listener._node_streams.troubles
    await until(lambda: "did you mean data/temperature?" in troubles.words)
    late = bath.create_publisher("temperatures", Temperature)
    await until(lambda: not troubles.words)
    await late.publish(Temperature(kelvin=1))
    await until(lambda: subscription.received == 1)
    assert subscription.offered is not None
    assert subscription.offered.qos == 1


async def test_a_callback_that_fails_is_told_and_the_stream_goes_on(lab: Lab) -> None:
    bath, listener = await lab.start(Bath), await lab.start(Bath)
    heard: list[float] = []

    async def take(message: Temperature) -> None:
        if message.kelvin == 1:
            raise ZeroDivisionError("by nothing")
        heard.append(message.kelvin)

    await listener.create_subscription(bath.id, "temperature", Temperature, take)
    assert listener._node_streams is not None
    troubles = listener._node_streams.troubles
    await bath.temperature.publish(Temperature(kelvin=1))
    await until(lambda: "ZeroDivisionError: by nothing" in troubles.words)
    await bath.temperature.publish(Temperature(kelvin=2))
    await until(lambda: heard == [2.0])
    assert not troubles.words
    assert troubles.totals == {"callback_errors": 1}


async def test_others_see_what_is_published_and_taken(lab: Lab) -> None:
    bath = await lab.start(Bath)
    listener = await lab.start(Listener, remap=remapped(bath=str(bath.id)))
    visitor, seen = await lab.visitor(), dict[str, Descriptor]()
    await visitor.mesh.on_message(
        visitor.mesh.topics.of(None, "node", "desc"), Descriptor,
        lambda descriptor, header, _topic: seen.update({header.sender: descriptor}),
    )  # fmt: skip
    await until(lambda: {str(bath.id), str(listener.id)} <= seen.keys())
    await until(lambda: seen[str(listener.id)].subscribes)
    offered = seen[str(bath.id)].publishes["data/temperature"]
    assert (offered.type, offered.qos, offered.description) == (
        "TestTemperature@1", 1, "of the water",
    )  # fmt: skip
    taken = [(each.pattern, each.type) for each in seen[str(listener.id)].subscribes]
    assert taken == [(f"{bath.id}/data/temperature", "TestTemperature@1")]
