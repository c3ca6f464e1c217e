"""The unix socket of a running launch: where it is, and how it is bound and reached.

One request a connection: a line of JSON each way.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAX_PATH: Final = 103
"""Bytes of a socket's path: sun_path less its end, 108 on Linux, 104 on macOS and the BSDs."""

MAX_LINE: Final = 16 << 20
"""Bytes of one request or answer; the status of a thousand processes has a few hundred kB."""


def socket_file(data_dir: Path) -> Path:
    """Return where the launch that lives in ``data_dir`` listens."""
    return data_dir / "run" / "launch.sock"


def bind(data_dir: Path) -> socket.socket:
    """Return a listening socket that its owner alone can connect to.

    The caller holds the claim on the data folder, so that a socket found there is a leftover.

    Raises:
        OSError: The folder is not writable, or its path too long for this system.
    """
    path = socket_file(data_dir)
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(server.fileno(), 0o600)  # Linux makes the file with this mode
        with _reachable(path) as address:
            server.bind(address)
        path.chmod(0o600)
        server.listen(16)
    except BaseException:
        server.close()
        raise
    return server


def connect(data_dir: Path, timeout: float) -> socket.socket:
    """Return a connection to the launch that lives in ``data_dir``.

    Args:
        data_dir: Its data folder.
        timeout: Seconds that any wait on the connection may last.

    Raises:
        OSError: Nobody listens there.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        with _reachable(socket_file(data_dir)) as address:
            client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Yield a name of ``path`` that is short enough for an address."""
    if len(os.fsencode(path)) <= MAX_PATH or sys.platform != "linux":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
