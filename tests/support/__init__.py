"""What tests of every area share: a real MQTT broker, a faulty network, captured processes."""

from __future__ import annotations

from tests.support.broker import SITES, MqttBroker
from tests.support.postgres import PostgresServer
from tests.support.processes import Completed, Processes, Running
from tests.support.proxy import TcpProxy

__all__ = ["SITES", "Completed", "MqttBroker", "PostgresServer", "Processes", "Running", "TcpProxy"]
