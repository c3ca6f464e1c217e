"""Wires by their addresses."""

from __future__ import annotations

from pathlib import Path

from labmesh.wire._address import WireAddress
from labmesh.wire._api import ByteWire, FolderWire, ModbusWire, Wire
from labmesh.wire._folder import LocalFolder
from labmesh.wire._modbus import PymodbusWire
from labmesh.wire._record import RecordedBytes, RecordedFolder, RecordedModbus
from labmesh.wire._replay import ReplayBytes, ReplayFolder, ReplayModbus
from labmesh.wire._serial import SerialWire
from labmesh.wire._session import read_session
from labmesh.wire._tcp import TcpWire
from messages.errors import ConfigurationError


def byte_wire(address: str, *, record: Path | None = None) -> ByteWire:
    """Return a wire for bytes, not yet open: ``serial:``, ``tcp:`` or ``replay:``.

    Args:
        address: As in ``docs/wires.md``.
        record: Every session is written to this file.

    Raises:
        ConfigurationError: The address is wrong, or one of another kind of wire.
    """
    parsed = WireAddress.parse(address)
    wire: ByteWire
    if parsed.scheme == "tcp":
        wire = TcpWire(parsed)
    elif parsed.scheme == "serial":
        wire = SerialWire(parsed)
    elif parsed.scheme == "replay":
        return ReplayBytes(Path(parsed.path))
    else:
        raise _wrong(parsed, "serial: or tcp:")
    if record is None:
        return wire
    return RecordedBytes(wire, record)


def modbus_wire(address: str, *, record: Path | None = None) -> ModbusWire:
    """Return a Modbus wire, not yet open: ``modbus+tcp:``, ``modbus+rtu:`` or ``replay:``.

    Arguments and errors as `byte_wire`.
    """
    parsed = WireAddress.parse(address)
    if parsed.scheme == "replay":
        return ReplayModbus(Path(parsed.path))
    if not parsed.scheme.startswith("modbus"):
        raise _wrong(parsed, "modbus+tcp: or modbus+rtu:")
    wire = PymodbusWire(parsed)
    if record is None:
        return wire
    return RecordedModbus(wire, record)


def folder_wire(address: str, *, record: Path | None = None) -> FolderWire:
    """Return a watched folder, not yet open: ``folder:`` or ``replay:``.

    Arguments and errors as `byte_wire`.
    """
    parsed = WireAddress.parse(address)
    if parsed.scheme == "replay":
        return ReplayFolder(Path(parsed.path))
    if parsed.scheme != "folder":
        raise _wrong(parsed, "folder:")
    wire = LocalFolder(parsed)
    if record is None:
        return wire
    return RecordedFolder(wire, record)


async def open_wire(address: str, *, record: Path | None = None) -> Wire:
    """Return an open wire of the kind that the address says.

    Raises:
        ConfigurationError: The address is wrong.
        WireError: It cannot be opened.
    """
    parsed = WireAddress.parse(address)
    kind = parsed.scheme
    if kind == "replay":
        kind = read_session(Path(parsed.path)).kind
    wire: Wire
    if kind.startswith("modbus"):
        wire = modbus_wire(address, record=record)
    elif kind == "folder":
        wire = folder_wire(address, record=record)
    else:
        wire = byte_wire(address, record=record)
    await wire.open()
    return wire


def _wrong(address: WireAddress, wanted: str) -> ConfigurationError:
    return ConfigurationError(
        f"a driver of another kind of wire cannot use {address.scheme}:",
        where=address.url,
        remedy=f"this instrument is reached by {wanted}",
    )
