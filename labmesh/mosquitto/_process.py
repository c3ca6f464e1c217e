"""The embedded MQTT broker as a child process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from labmesh.mosquitto._config import ACL_FILE, BrokerConfig
from labmesh.mosquitto._find import Program, find_mosquitto
from labmesh.mosquitto._ports import LOOPBACK, free_port, holder, is_free, listens
from labmesh.security import write_private
from messages.errors import ConfigurationError

_log = logging.getLogger(__name__)
_GUARD: Final = Path(__file__).with_name("_guard.py")
_START_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_PORT_ATTEMPTS: Final = 5
_IN_USE: Final = "Address already in use"

_CONNECT: Final = bytes.fromhex("10 0d 0004 4d515454 05 02 0005 00 0000")
"""MQTT 5 section 3.1: protocol 5, Clean Start, keep-alive 5 s, the server chooses the client id."""
_CONNACK: Final = 0x20  # MQTT 5 section 3.2.1; any answer will do, even "not authorised"


class MosquittoProcess:
    """One mosquitto with our configuration, ended with the thread that started it.

    The process has a session of its own, so that Ctrl-C in a terminal reaches the nodes and not
    their MQTT broker. On Linux the kernel kills it when the event loop's thread ends, even by
    ``kill -9``; elsewhere it then stays behind.

    Args:
        config: With port 0, each start takes a free port, and a restart the same one again.
        folder: Holds configuration, log and persistence. Made where missing; one process at a time.
        program: Which mosquitto; by default it is found, or unpacked.
    """

    def __init__(
        self, config: BrokerConfig, folder: Path, *, program: Program | None = None
    ) -> None:
        self._config = config
        self._folder = folder.absolute()
        self._program = program
        self._port = config.port
        self._process: Process | None = None
        self._watch: asyncio.Task[str] | None = None
        self._stopping = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The TCP port; 0 before the first start when the configuration leaves it open."""
        return self._port

    @property
    def url(self) -> str:
        """``mqtt://127.0.0.1:port``."""
        return f"mqtt://{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def log_file(self) -> Path:
        """Where the MQTT broker's own log goes; starts append to it."""
        return self._config.log_file or self._folder / "mosquitto.log"

    async def start(self) -> None:
        """Start it and wait until it answers an MQTT CONNECT. Does nothing while it runs.

        Raises:
            ConfigurationError: The port is in use, or mosquitto refuses to start.
            MissingProgramError: There is no mosquitto and none could be unpacked.
        """
        if self.running:
            return
        await self._reap()
        if self._program is None:
            self._program = await asyncio.to_thread(find_mosquitto)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stopping = False
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            port = self._port or free_port()
            try:
                await self._start_on(self._program, port)
            except _PortTakenError as error:
                if self._port or attempt == _PORT_ATTEMPTS:
                    raise _port_in_use(port) from error
                continue
            self._port = port
            return

    async def stop(self, grace: float = 5.0) -> None:
        """End it by SIGTERM, which saves its state, then SIGKILL after ``grace`` s. Idempotent."""
        self._stopping = True
        process = self._process
        if process is not None and self.running:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(grace):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
        await self._reap()

    def reload(self, config: BrokerConfig) -> None:
        """Let the running process take new accounts, rules and certificates (SIGHUP).

        Clients whose account or password is gone are disconnected; what listens where stays.
        """
        self._config = replace(config, port=self._port)
        self._write_files(self._config)
        if self.pid is not None:
            os.kill(self.pid, signal.SIGHUP)

    async def wait_died(self) -> str:
        """Wait until it has ended, also by `stop`; return one line that says how.

        Raises:
            RuntimeError: It does not run.
        """
        if self._watch is None:
            raise RuntimeError("start it first")
        return await asyncio.shield(self._watch)

    async def _start_on(self, program: Program, port: int) -> None:
        if not is_free(port):
            raise _PortTakenError
        config = replace(self._config, port=port)
        conf_file = self._write_files(config)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _GUARD, str(os.getpid())),
                *(program.path, "-c", conf_file),
                env=program.environment(),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )
        self._process = process
        answered = False
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not (await _answers(port) and listens(process.pid, port)):
                    if process.returncode is not None:
                        self._raise_refused(start)
                    await asyncio.sleep(_POLL_SECONDS)
            answered = True
        except TimeoutError as error:
            raise ConfigurationError(
                f"mosquitto did not answer on port {port} within {_START_SECONDS:.0f} s",
                where=str(self.log_file),
                remedy="see its log",
            ) from error
        finally:
            if not answered:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._watch = asyncio.create_task(
            self._watch_process(process, start), name="mosquitto-watch"
        )

    def _write_files(self, config: BrokerConfig) -> Path:
        conf_file = self._folder / "mosquitto.conf"
        write_private(self._folder / ACL_FILE, config.render_acl())
        # A bridge has a password in it.
        write_private(conf_file, config.render(self._folder))
        return conf_file

    def _raise_refused(self, log_start: int) -> None:
        said = self._tail(log_start)
        if _IN_USE in said:
            raise _PortTakenError
        raise ConfigurationError(
            f"mosquitto refused to start: {said or 'it said nothing'}", where=str(self.log_file)
        )

    async def _watch_process(self, process: Process, log_start: int) -> str:
        code = await process.wait()
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"exited with status {code}"
            said = self._tail(log_start, lines=1)
            how += f" ({said})" if code and said else ""
        line = f"the MQTT broker on port {self._port} {how}; log: {self.log_file}"
        if not self._stopping:
            _log.error("%s", line)
        return line

    async def _reap(self) -> None:
        if self._watch is not None:
            await self._watch
            self._watch = None
        if self._process is not None:
            await self._process.wait()
            self._process = None

    def _tail(self, start: int, lines: int = 3) -> str:
        try:
            with self.log_file.open("rb") as log:
                log.seek(start)
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "; ".join(deque(filter(None, map(str.strip, text.splitlines())), maxlen=lines))


class _PortTakenError(Exception):
    """Another process listens on the port."""


def _port_in_use(port: int) -> ConfigurationError:
    by = holder(port)
    return ConfigurationError(
        f"port {port} is in use" + (f" by {by}" if by else ""),
        where=f"{LOOPBACK}:{port}",
        remedy="stop that process or choose another port; port 0 takes a free one",
    )


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        writer.write(_CONNECT)
        return (await reader.readexactly(1))[0] == _CONNACK
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
