"""A real mosquitto that tests can kill, freeze and restart."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from labmesh.mosquitto import Bridge, BrokerConfig, MosquittoProcess

T = TypeVar("T")

SITES: Final = ("kit", "dtu", "uu", "fzj", "hub", "lab", "site")
"""Sites whose nodes may write: as username ``{node}`` below ``lab1/{site}/{node}/``."""


class MqttBroker:
    """A mosquitto on one port with one folder, through any number of restarts.

    Every method is synchronous and takes at most some hundredths of a second, so that it serves
    plain and asyncio tests of any scope: the process belongs to an event loop in its own thread.
    Anyone may read; only a client whose username is its node's name may write (`SITES`).
    """

    def __init__(
        self,
        folder: Path,
        *,
        sites: tuple[str, ...] = SITES,
        port: int = 0,
        realm: str = "lab1",
        password_file: Path | None = None,
        bridged: tuple[str, ...] = (),
        bridge: Bridge | None = None,
        config: BrokerConfig | None = None,
    ) -> None:
        self._folder = folder
        self._process = MosquittoProcess(
            config
            or BrokerConfig(
                port=port,
                sites=sites,
                realm=realm,
                password_file=password_file,
                bridged=bridged,
                bridge=bridge,
            ),
            folder,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mqtt-broker")

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            self.thaw()
            self.stop()
        finally:
            self._end()

    @property
    def url(self) -> str:
        """``mqtt://127.0.0.1:port``; the same after a restart."""
        return self._process.url

    @property
    def port(self) -> int:
        """The TCP port; the same after a restart."""
        return self._process.port

    @property
    def pid(self) -> int | None:
        """The process id, None when it does not run."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The MQTT broker's own log so far."""
        file = self._process.log_file
        return file.read_text() if file.exists() else ""

    def start(self) -> None:
        """Start it on the same port with the same persistence."""
        self._run(self._process.start())

    def stop(self) -> None:
        """End it cleanly; it saves what it holds."""
        self._run(self._process.stop())

    def reload(self, config: BrokerConfig) -> None:
        """Give it new accounts, rules and certificates while it runs."""
        self._process.reload(config)

    def kill(self) -> None:
        """``kill -9``: what it has not saved (once a second) is lost."""
        self._signal(signal.SIGKILL)
        self._run(self._wait_gone())

    def restart(self) -> None:
        """Start it again, after stopping it cleanly when it still runs."""
        self.stop()
        self.start()

    def wait_saved(self, mark: bytes, timeout: float = 10.0) -> None:
        """Wait until its file on disk holds ``mark``, part of a payload; it saves once a second.

        Raises:
            AssertionError: It does not after ``timeout`` s.
        """
        file = self._folder / "mosquitto.db"
        deadline = time.monotonic() + timeout
        while not (file.exists() and mark in file.read_bytes()):
            assert time.monotonic() < deadline, f"{mark!r} is not in {file}"
            time.sleep(0.05)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)

    async def _wait_gone(self) -> None:
        if self._process.running:
            await self._process.wait_died()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
