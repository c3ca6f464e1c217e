"""TCP ports of the loopback interface: a free one, and who holds a taken one."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_LISTEN: Final = "0A"  # TCP_LISTEN in the kernel's tcp_states.h
_LOCAL, _STATE, _INODE = 1, 3, 9  # columns of /proc/net/tcp, proc(5)


def free_port() -> int:
    """Return a port nobody listens on at this moment; another process may take it first."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a listener on the loopback interface could be opened now."""
    with socket.socket() as probe:
        # As mosquitto does: connections of a former listener that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Return who listens on ``port``, as ``mosquitto (pid 12)``, or an empty string if unknown.

    Reads Linux's /proc; other users' processes are not visible without root.
    """
    inodes = _listening_inodes(port) or frozenset()
    for process in Path("/proc").glob("[0-9]*"):
        if _sockets(process) & inodes:
            try:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
            except OSError:  # gone by now
                return ""
    return ""


def listens(pid: int, port: int) -> bool:
    """Tell whether process ``pid`` listens on ``port``; True also where /proc cannot tell."""
    inodes = _listening_inodes(port)
    return inodes is None or bool(_sockets(Path(f"/proc/{pid}")) & inodes)


def _sockets(process: Path) -> set[str]:
    """Return what the process has open; nothing when it is gone or not ours to look into."""
    found = set()
    try:
        for entry in (process / "fd").iterdir():
            with suppress(OSError):  # closed since it was listed
                found.add(os.readlink(entry))  # noqa: PTH115 Path.readlink would parse a socket's name
    except OSError:
        pass
    return found


def _listening_inodes(port: int) -> frozenset[str] | None:
    tables = [Path(name) for name in ("/proc/net/tcp", "/proc/net/tcp6")]
    texts = [table.read_text() for table in tables if table.exists()]
    if not texts:
        return None
    rows = [line.split() for text in texts for line in text.splitlines()[1:]]
    return frozenset(
        f"socket:[{row[_INODE]}]"
        for row in rows
        if row[_STATE] == _LISTEN and row[_LOCAL].endswith(f":{port:04X}")
    )
