from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.labmesh.transport.net import MemoryNet, MqttNet, Net
from tests.support import MqttBroker


@pytest.fixture(params=["memory", "mqtt"])
async def net(request: pytest.FixtureRequest) -> AsyncIterator[Net]:
    made: Net
    if request.param == "memory":
        made = MemoryNet()
    else:
        broker: MqttBroker = request.getfixturevalue("shared_mqtt_broker")
        made = MqttNet(broker)
    yield made
    await made.close()
