"""Wires: how drivers talk to instruments. Serial, TCP, Modbus, watched folders; record, replay.

A driver takes a wire and never asks which: hardware, a simulator on a real port, a recorded
session, or a pair in memory (`labmesh.wire.testing`).
"""

from __future__ import annotations

from labmesh.wire._address import WireAddress
from labmesh.wire._api import (
    ByteWire,
    FolderWire,
    ModbusWire,
    UrgentBytes,
    UrgentModbus,
    Wire,
)
from labmesh.wire._buffer import InputBuffer
from labmesh.wire._folder import LocalFolder
from labmesh.wire._open import byte_wire, folder_wire, modbus_wire, open_wire
from labmesh.wire._replay import ReplayBytes, ReplayFolder, ReplayModbus
from labmesh.wire._session import Session, read_session
from messages.errors import WireError, WireRefusedError, WireTimeoutError

__all__ = [
    "ByteWire",
    "FolderWire",
    "InputBuffer",
    "LocalFolder",
    "ModbusWire",
    "ReplayBytes",
    "ReplayFolder",
    "ReplayModbus",
    "Session",
    "UrgentBytes",
    "UrgentModbus",
    "Wire",
    "WireAddress",
    "WireError",
    "WireRefusedError",
    "WireTimeoutError",
    "byte_wire",
    "folder_wire",
    "modbus_wire",
    "open_wire",
    "read_session",
]
