"""Processes under test: captured, waited for by line, never left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

_MARK: Final = "LABMESH_TEST_MARK"
_GRACE: Final = 10.0
_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


class Running:
    """A process of a test, in a session of its own; both streams are captured line by line.

    Attributes:
        name: For messages.
        stdout: Its lines so far, without line ends.
        stderr: Likewise.
        lines: Both, in the order in which they arrived.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self.lines: list[str] = []
        self._process = process
        self._news = asyncio.Condition()
        self._open = 2
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(stream, to), name=f"read-{name}")
            for stream, to in ((process.stdout, self.stdout), (process.stderr, self.stderr))
        ]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit status, negative for a signal, None while it runs."""
        return self._process.returncode

    @property
    def output(self) -> str:
        """Everything it has said."""
        return "\n".join(self.lines)

    async def wait_line(self, pattern: str, *, after: int = 0, timeout: float = _TIMEOUT) -> str:  # noqa: ASYNC109
        """Return the first line from number ``after`` on in which the regular expression occurs.

        Raises:
            AssertionError: It ended, or ``timeout`` wall seconds passed, without such a line.
        """
        expression = re.compile(pattern)
        seen = after
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._news:
                while True:
                    for line in self.lines[seen:]:
                        if expression.search(line):
                            return line
                    seen = max(seen, len(self.lines))
                    if not self._open:
                        break
                    await self._news.wait()
        state = "runs" if self.code is None else f"ended with {self.code}"
        raise AssertionError(f"{self.name} {state} and said no {pattern!r}:\n{self.output}")

    async def wait(self, timeout: float = _TIMEOUT) -> int:  # noqa: ASYNC109
        """Return the exit status, after all output has been read.

        Raises:
            AssertionError: It still runs after ``timeout`` wall seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                code = await self._process.wait()
                await asyncio.gather(*self._readers)
                return code
        except TimeoutError:
            raise AssertionError(
                f"{self.name} still runs after {timeout:.0f} s:\n{self.output}"
            ) from None

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to it, or to its whole process group. No effect once it ended."""
        with suppress(ProcessLookupError):
            if self.code is None and not group:
                self._process.send_signal(number)
            elif group:
                os.killpg(self.pid, number)

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C."""
        self.signal(signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM."""
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.signal(signal.SIGKILL)

    async def _read(self, stream: asyncio.StreamReader, to: list[str]) -> None:
        try:
            async for raw in stream:
                line = raw.decode(errors="replace").rstrip("\r\n")
                to.append(line)
                self.lines.append(line)
                async with self._news:
                    self._news.notify_all()
        finally:
            self._open -= 1
            async with self._news:
                self._news.notify_all()

    async def _close(self) -> None:
        """Stop reading: a grandchild that inherited the pipes may keep them open."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


class Processes:
    """All processes of one test; what they start inherits a mark in its environment.

    Usage, as the fixture ``processes``::

        node = await processes.labmesh("run", "asab", "--site", "kit", ...)
        await node.wait_line("active")
        node.terminate()
        assert await node.wait() == 0
        await processes.assert_no_orphans()
    """

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.all: list[Running] = []
        self._mark = uuid4().hex

    async def start(
        self,
        *command: str | Path,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Running:
        """Start a command. ``env`` is added to this process's environment."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {}), _MARK: self._mark},
            cwd=cwd or self.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
            start_new_session=True,
        )
        running = Running(name or Path(command[0]).name, process)
        self.all.append(running)
        return running

    async def python(self, *arguments: str | Path, **options: str) -> Running:
        """Start this interpreter."""
        return await self.start(sys.executable, *arguments, name=options.get("name", "python"))

    async def labmesh(
        self, *arguments: str | Path, name: str = "", env: Mapping[str, str] | None = None
    ) -> Running:
        """Start ``labmesh ARGUMENTS``; the name is by default the first two of them."""
        name = name or " ".join(map(str, arguments[:2]))
        program = Path(sys.executable).with_name("labmesh")
        return await self.start(program, *arguments, name=name, env=env)

    async def run(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT,  # noqa: ASYNC109
    ) -> Completed:
        """Run a command to its end."""
        running = await self.start(*command, env=env)
        code = await running.wait(timeout)
        return Completed(code, "\n".join(running.stdout), "\n".join(running.stderr))

    def alive(self) -> list[psutil.Process]:
        """Every living process that descends from one of these, by the mark it inherited."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    async def assert_no_orphans(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Assert that nothing that was started here still lives, after at most ``timeout`` s."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.alive():
                    await asyncio.sleep(0.05)
        left = [_describe(process) for process in self.alive()]
        assert not left, "left behind: " + "; ".join(left)

    async def close(self, *, patience: float = 5.0) -> None:
        """End everything: SIGTERM, SIGKILL after 10 s, after ``patience`` whatever bears the mark.

        Raises:
            AssertionError: A process had ended by itself and left others behind.
        """
        for running in self.all:
            running.terminate()
        clean = True
        for running in self.all:
            try:
                async with asyncio.timeout(_GRACE):
                    await running._process.wait()
            except TimeoutError:
                clean = False
                running.signal(signal.SIGKILL, group=True)
                await running._process.wait()
        try:
            if clean:
                await self.assert_no_orphans(patience)
        finally:
            for process in self.alive():
                with suppress(psutil.Error):
                    process.kill()
            for running in self.all:
                await running._close()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.environ().get(_MARK) == self._mark
            )
        except (psutil.Error, OSError):
            return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:120]}"
    except psutil.Error:
        return str(process.pid)
