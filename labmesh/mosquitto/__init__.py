"""The embedded MQTT broker: Debian's mosquitto with a configuration of ours."""

from __future__ import annotations

from labmesh.mosquitto._bridge import Bridge
from labmesh.mosquitto._config import BrokerConfig
from labmesh.mosquitto._find import Program, cache_folder, find_mosquitto
from labmesh.mosquitto._install import install_mosquitto
from labmesh.mosquitto._listener import Listener
from labmesh.mosquitto._ports import free_port
from labmesh.mosquitto._process import MosquittoProcess
from labmesh.mosquitto._unpack import unpack_mosquitto

__all__ = [
    "Bridge",
    "BrokerConfig",
    "Listener",
    "MosquittoProcess",
    "Program",
    "cache_folder",
    "find_mosquitto",
    "free_port",
    "install_mosquitto",
    "unpack_mosquitto",
]
