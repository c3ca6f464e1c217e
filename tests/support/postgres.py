"""A real PostgreSQL server that tests can kill and restart."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

_DEBIAN: Final = Path("/usr/lib/postgresql")
_ACCOUNT: Final = "postgres"
_PREFIX: Final = "labmesh-postgres-"
_SUPERUSER: Final = "postgres"
_OWNER: Final = "labmesh"
_START: Final = 60.0
"""Wall seconds that a server may take to start, recovery after a crash included."""


def find_postgres() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs, or None."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [file.parent for file in _DEBIAN.glob("*/bin/postgres") if _is_number(file)]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


class PostgresServer:
    """A PostgreSQL server of the tests' own: its folder, its port, durable as by default.

    Every database belongs to the role ``labmesh``, which is no superuser, so that grants count.
    The server refuses to run as root: then it runs as ``postgres``, the account of the Debian
    package. When the thread that started it ends, or the whole test run, it is ended, too.

    Attributes:
        port: On 127.0.0.1; the same after a restart.
    """

    def __init__(self, programs: Path) -> None:
        _sweep()
        self._programs = programs
        # Not below pytest's folder, which is closed to the account that the server runs as.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir="/tmp"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        try:
            self._make()
            self.start()
            with self._superuser() as connection:
                connection.execute(f"CREATE ROLE {_OWNER} LOGIN")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id of the server, None when it does not run."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def log(self) -> str:
        """What the server has said so far."""
        file = self._folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def database(self) -> str:
        """Make an empty database; return its URL. Starts the server where a test left it dead."""
        name = f"database_{next(self._numbers)}"
        self._make_owned("DATABASE", name)
        return self.url(name)

    def schema(self) -> str:
        """Make an empty schema, all of a database that its user sees; return its URL.

        Takes a hundredth of a new database's files: the choice of tests that come by hundreds.
        """
        name = f"schema_{next(self._numbers)}"
        self._make_owned("SCHEMA", name)
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def url(self, database: str, *, role: str = _OWNER) -> str:
        """Return the SQLAlchemy URL of a database as a role sees it."""
        return f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{database}"

    def superuser_url(self, url: str) -> str:
        """Return the URL of the same database as the server's superuser sees it."""
        return url.replace(f"//{_OWNER}@", f"//{_SUPERUSER}@")

    def start(self) -> None:
        """Start it, after a crash recovered, on the same port with what it holds.

        Raises:
            AssertionError: It does not start.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_account(
                    *(self._programs / "postgres", "-D", self._data, "-p", self.port),
                    *("-c", "listen_addresses=127.0.0.1"),
                    *("-c", f"unix_socket_directories={self._folder}"),
                    # After a crash: one call for the file system instead of one for every file.
                    *("-c", "recovery_init_sync_method=syncfs"),
                ),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while True:
            try:
                self._superuser().close()
            except psycopg.OperationalError:
                said = f"the PostgreSQL server does not start:\n{self.log}"
                assert self.pid is not None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it cleanly; connections are cut. No effect when it does not run."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """``kill -9`` of the server and all of its children. No effect when it does not run."""
        if self.pid is None:
            return
        # Frozen first, so that no child is born meanwhile or sees its parent die and tidies up.
        os.kill(self.pid, signal.SIGSTOP)
        for child in psutil.Process(self.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again, after stopping it cleanly when it still runs."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder. Idempotent."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_owned(self, kind: LiteralString, name: str) -> None:
        if self.pid is None:
            self.start()
        create = SQL(f"CREATE {kind} {{}}").format(Identifier(name))
        to = SQL(f"ALTER {kind} {{}} OWNER TO {{}}").format(Identifier(name), Identifier(_OWNER))
        with self._superuser() as connection:
            connection.execute(create)
            connection.execute(to)

    def _make(self) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            self._as_account(
                *(self._programs / "initdb", "-D", self._data, "-U", _SUPERUSER, "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ),
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"

    def _as_account(self, *command: object) -> list[str]:
        words = ["setpriv", "--pdeathsig", "QUIT"]
        if os.geteuid() == 0:
            words += ["--reuid", _ACCOUNT, "--regid", _ACCOUNT, "--init-groups"]
        return [*words, "--", *map(str, command)]

    def _superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=_SUPERUSER, dbname="postgres", autocommit=True
        )

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_number(file: Path) -> bool:
    return file.parents[1].name.replace(".", "", 1).isdecimal()


def _sweep() -> None:
    """Remove what earlier test runs left that could not tidy up."""
    for folder in Path("/tmp").glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
