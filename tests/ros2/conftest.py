"""A lab of nodes in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ros2.lab import Lab
from tests.support import MqttBroker


@pytest.fixture
async def lab(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> AsyncIterator[Lab]:
    """Starts nodes of site kit, and ends them."""
    made = Lab(shared_mqtt_broker, tmp_path)
    yield made
    await made.close()
