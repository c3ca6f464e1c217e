"""One run of a program as a child of the launch."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_CHILD: Final = Path(__file__).with_name("_child.py")
_KEEPER: Final = Path(__file__).with_name("_keeper.py")
_MAX_LINE: Final = 64 * 1024
_TAIL: Final = 10
_DRAIN_SECONDS: Final = 1.0


class Keeper:
    """The process that ends our children's groups should we be killed. See `_keeper.py`."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, lock: int | None = None) -> None:
        """Start it.

        Args:
            lock: A descriptor it holds open as long as it lives.
        """
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _KEEPER),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
        )

    def add(self, group: int) -> None:
        """Let it end this process group if we are gone."""
        self._write(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Let it forget a process group that has ended."""
        self._write(f"-{group}\n")

    async def stop(self) -> None:
        """Let it go; it ends what it still knows."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        await process.wait()

    def _write(self, text: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(text.encode())


class Child(asyncio.SubprocessProtocol):
    """A running program in a session of its own, so that Ctrl-C reaches only the launch.

    A protocol, and not `asyncio.subprocess.Process`, whose ``wait`` returns only once the output is
    closed by everyone, also by what the program started and left behind.

    Attributes:
        tail: The last lines it wrote.
    """

    def __init__(self, on_line: Callable[[str], None], keeper: Keeper) -> None:
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.pid = 0
        self._on_line = on_line
        self._keeper = keeper
        self._rest = b""
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited = asyncio.Event()
        self._closed = asyncio.Event()

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None,
        on_line: Callable[[str], None],
        keeper: Keeper,
    ) -> Child:
        """Start ``command``; each line of either output stream goes to ``on_line``.

        Raises:
            OSError: No process could be made.
        """
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(on_line, keeper),
            *(sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *command),
            env=env,
            cwd=cwd,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        return child

    @property
    def running(self) -> bool:
        """Whether the program itself (not something it started) is alive."""
        return not self._exited.is_set()

    async def wait(self) -> int:
        """Return the exit code once it has ended and its output is read; 128 + n for signal n."""
        await self._exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._closed.wait()
        transport = self._transport
        code = transport.get_returncode() if transport else None
        if transport is not None:
            transport.close()
        return 1 if code is None else code if code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group, as a terminal does."""
        if self.running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the process id, and let the keeper know it."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - asyncio's promise
        self._transport = transport
        self.pid = transport.get_pid()
        self._keeper.add(self.pid)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._take(line)

    def process_exited(self) -> None:
        """End what it started and left behind: it would be an orphan."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._keeper.remove(self.pid)
        self._exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the last line: the program has ended and its output is closed."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""
        self._closed.set()

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip("\r")
        self.tail.append(line)
        self._on_line(line)
