"""Nodes and namespaces: site/node, one level each, the same for everything a node says."""

from __future__ import annotations

import pytest

from labmesh.place import Place
from labmesh.transport import make_transport
from messages.errors import (
    NameInvalidError,
    NodeNameTakenError,
    PublishRefusedError,
    TopicError,
)
from messages.ids import NodeId
from tests.ros2.lab import Bath, Lab, Temperature


async def test_a_name_is_one_nodes_and_all_it_says_stands_below_it(lab: Lab) -> None:
    bath = await lab.start(Bath)
    assert bath.topics.prefix == f"lab1/kit/{bath.id.node}"
    assert bath.temperature.topic == f"lab1/kit/{bath.id.node}/data/temperature"
    inner = bath.create_publisher("jacket/inner", Temperature)
    assert inner.topic.endswith("/data/jacket/inner"), "parts of a node stand below the class"
    with pytest.raises(NodeNameTakenError, match=f"{bath.id} is online since .*another --name"):
        await Bath(lab.options(bath.id.node)).run()
    with pytest.raises(TopicError, match="9 levels, at most 8"):
        bath.create_publisher("a/b/c/d/e", Temperature)
    with pytest.raises(NameInvalidError, match="stream 'Jacket' is not a valid name"):
        bath.create_publisher("Jacket", Temperature)


@pytest.mark.parametrize("name", ["Bath", "bath one", "bath/one", "", "0bath", "b" * 33])
def test_a_name_that_is_none_is_refused(lab: Lab, name: str) -> None:
    with pytest.raises(NameInvalidError):
        NodeId("kit", name)


async def test_nobody_publishes_below_another_nodes_name(lab: Lab) -> None:
    bath = await lab.start(Bath)
    mallory = make_transport(lab.place.mqtt, client_id="kit/mallory/0", username="mallory")
    await mallory.open()
    try:
        with pytest.raises(
            PublishRefusedError, match="0x87 Not authorized.*below its own prefix only"
        ):
            await mallory.publish(bath.temperature.topic, b"forged")
    finally:
        await mallory.close()


async def test_two_sites_may_use_one_name(lab: Lab) -> None:
    here = await lab.start(Bath)
    lab.place = Place(mqtt=lab.place.mqtt, site="dtu")
    there = await lab.start(Bath, here.id.node)
    assert (here.id.node, here.id.site, there.id.site) == (there.id.node, "kit", "dtu")
