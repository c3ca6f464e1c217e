"""What an emergency stop writes goes out from another thread while the event loop is blocked."""

from __future__ import annotations

import os
import socket
import threading
import tty
from collections.abc import Callable, Iterator

import pytest

from labmesh.wire import UrgentBytes, UrgentModbus, WireError, byte_wire, modbus_wire
from labmesh.wire._urgent import crc16


class Line:
    """A device whose bytes are taken by whoever blocks for them."""

    def __init__(self, scheme: str) -> None:
        self._socket: socket.socket | None = None
        self._ends: tuple[int, ...] = ()
        if scheme.endswith("tcp"):
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.address = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        else:
            self._ends = os.openpty()
            tty.setraw(self._ends[1])
            self.address = f"{scheme}://{os.ttyname(self._ends[1])}"

    def take(self, count: int) -> bytes:
        """Return the first bytes that come."""
        heard = b""
        if self._socket is None:
            while len(heard) < count:
                heard += os.read(self._ends[0], 4096)
            return heard
        accepted, _ = self._socket.accept()
        with accepted:
            while len(heard) < count:
                heard += accepted.recv(4096)
        return heard

    def close(self) -> None:
        """Free what the system gave."""
        if self._socket is not None:
            self._socket.close()
        for end in self._ends:
            os.close(end)


@pytest.fixture
def line(scheme: str) -> Iterator[Line]:
    """A device."""
    made = Line(scheme)
    yield made
    made.close()


def blocking(line: Line, count: int, act: Callable[[], None]) -> bytes:
    """Act in another thread; block this one, and with it the event loop, until the bytes came."""
    actor = threading.Thread(target=act)
    actor.start()
    heard = line.take(count)
    actor.join()
    return heard


@pytest.mark.parametrize("scheme", ["tcp", "serial"])
async def test_bytes(line: Line) -> None:
    wire = byte_wire(line.address)
    assert isinstance(wire, UrgentBytes)
    with pytest.raises(WireError):
        wire.write_now(b"STOP")
    await wire.open()
    assert blocking(line, 4, lambda: wire.write_now(b"STOP")) == b"STOP"
    await wire.close()


@pytest.mark.parametrize(
    ("scheme", "frame"),
    [
        ("modbus+tcp", "ffff 0000 0006 01 05 0019 ff00"),
        ("modbus+rtu", "01 05 0019 ff00"),
    ],
)
async def test_modbus(line: Line, scheme: str, frame: str) -> None:
    wire = modbus_wire(line.address + "?unit=1")
    assert isinstance(wire, UrgentModbus)
    with pytest.raises(WireError):
        wire.write_coil_now(0x19, True)
    await wire.open()
    expected = bytes.fromhex(frame) + (b"" if "tcp" in scheme else crc16(bytes.fromhex(frame)))
    assert blocking(line, len(expected), lambda: wire.write_coil_now(0x19, True)) == expected
    await wire.close()


def test_the_check_is_that_of_the_specification() -> None:
    # Modbus over Serial Line 1.02, appendix B: the frame 02 07 is followed by 41 12.
    assert crc16(b"\x02\x07") == b"\x41\x12"
