"""A real InvenioRDM with its PostgreSQL, its Redis and a stand-in for its search, for a test."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.postgres import PostgresServer, find_postgres

ROOT: Final = Path(__file__).parents[2]
_HERE: Final = Path(__file__).parent
_START: Final = 180.0


def invenio_python() -> Path | None:
    """Return the Python that has InvenioRDM: of LABMESH_INVENIO_VENV, or of .venv-invenio."""
    folder = Path(os.environ.get("LABMESH_INVENIO_VENV") or ROOT / ".venv-invenio")
    python = folder / "bin" / "python"
    return python if python.exists() else None


class InvenioRig:
    """InvenioRDM on free ports; ``with`` runs it. Some 20 s until it answers.

    Attributes:
        url: Of its API, which it mounts without ``/api``.
        token: Of the user ``lab``, who owns no community.
        curator: Token of the user who owns the communities ``open`` and ``closed``.
    """

    def __init__(self, folder: Path) -> None:
        python, postgres, redis = invenio_python(), find_postgres(), shutil.which("redis-server")
        assert python, "InvenioRDM is missing; run: tests/rig/setup.sh"
        assert postgres, "PostgreSQL is missing; run: scripts/setup.sh --test"
        assert redis, "redis-server is missing (Debian: apt-get install redis-server)"
        self._python, self._redis = python, redis
        self._folder = folder
        self._postgres = PostgresServer(postgres)
        self._running: list[subprocess.Popen[bytes]] = []
        self.url = self.token = self.curator = ""

    def __enter__(self) -> Self:
        try:
            self._start()
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
        self._end()

    @property
    def log(self) -> str:
        """What its processes have said."""
        return "".join(
            file.read_text(errors="replace") for file in sorted(self._folder.glob("*.log"))
        )

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        redis, search, web = _free_port(), _free_port(), _free_port()
        self._run("redis", self._redis, "--port", redis, "--bind", "127.0.0.1", "--save", "")
        self._run("search", sys.executable, _HERE / "search_stub.py", search)
        database = self._postgres.database().replace("+psycopg:", "+psycopg2:")
        environment = {
            "SQLALCHEMY": database, "REDIS": f"redis://127.0.0.1:{redis}", "SEARCH": str(search),
        }  # fmt: skip
        self._run(
            "invenio", self._python, _HERE / "invenio_server.py", self._folder, web, **environment
        )
        deadline, ready = time.monotonic() + _START, self._folder / "ready.json"
        while not (ready.exists() and _answers(web)):
            said = f"InvenioRDM does not start:\n{self.log[-6000:]}"
            assert all(each.poll() is None for each in self._running), said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        said_words = json.loads(ready.read_text())
        self.url, self.token = f"http://127.0.0.1:{web}", said_words["lab"]
        self.curator = said_words["curator"]

    def _run(self, name: str, *command: object, **environment: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(
                    [str(word) for word in command], stdout=log, stderr=log, cwd=self._folder,
                    env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                )
            )  # fmt: skip

    def _end(self) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._postgres.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True
