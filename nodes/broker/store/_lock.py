"""One writer at a time: no connection that writes exists without the lock.

SQLite: a lock of the operating system (``flock``) on a file beside the database, which
ends with the process, however it ends. Not on the database itself: SQLite locks that in ways which
end as soon as anyone in the process closes the file (fcntl(2), "advisory record locking").

PostgreSQL: an advisory lock of the session that writes. Whoever loses the connection has lost the
lock with it, and whatever it had not committed.

Should all of this be circumvented, the journal's gapless key still makes two histories impossible.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Self
from weakref import finalize

from sqlalchemy import Engine, event
from sqlalchemy.exc import DontWrapMixin

from messages.errors import ConfigurationError

PATIENCE: Final = 3.0
"""Wall seconds to wait for the lock: a process that was killed may not be quite gone."""

_PAUSE: Final = 0.1
"""Wall seconds between two attempts."""

_CLASS: Final = 0x4C41424D
"""First half of the advisory lock's key, "LABM"; the second is the schema that holds the tables."""

_KEY: Final = (
    "(COALESCE((SELECT oid::int8 FROM pg_namespace WHERE nspname = current_schema()), 0) "
    "& 2147483647)::int4"
)

_HOLDER: Final = f"""
SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = {_CLASS}
AND l.objid = {_KEY}
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - constants

_SESSION: Final = {
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "2s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
"""How soon the server notices that a writer's host is gone, and frees the lock; without these it
may take two hours."""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # One byte far behind what is written there: locked bytes cannot be read by others.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LedgerTakenError(ConfigurationError, DontWrapMixin):
    """Another process writes this ledger."""


class LockFile:
    """A file that is locked until `close`, or until nobody refers to this any more.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.close = finalize(self, os.close, descriptor)

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Make the file if it is not there, and lock it; None when another has it.

        Raises:
            OSError: It cannot be made or locked.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        file = cls(path, descriptor)
        try:
            _lock(descriptor)
            # The one before us may have removed the very file that we opened.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        file.close()
        return None


class WriterLock:
    """Gives every connection of an engine the lock before it can write.

    A SQLite lock is kept until `release`; a PostgreSQL lock belongs to its connection, so that one
    that was lost is taken anew with the next connection, or that is refused. Who was once refused
    is refused for ever: what it remembers of the ledger is another's by now.

    Args:
        engine: Makes the writer's connections; none has been made yet.
        where: The database, for messages.
        patience: Wall seconds to wait for another process to let go.
    """

    def __init__(self, engine: Engine, where: str, *, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._where = where
        self._patience = patience
        # pg_stat_activity keeps 63 bytes of it and shows it to everyone.
        self._me = f"labmesh {socket.gethostname()[:30]} {os.getpid()} {token_hex(4)}"
        self._file: LockFile | None = None
        self._lost: LedgerTakenError | None = None
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", self._lock_file)
        else:
            event.listen(engine, "connect", self._lock_session)

    def release(self) -> None:
        """Let go of a SQLite lock; a PostgreSQL lock goes with its connection. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            # Removed while it is still locked: nobody can have locked the same file meanwhile.
            with suppress(PermissionError):  # Windows removes no open file: it stays, unlocked
                file.path.unlink(missing_ok=True)
            file.close()

    # -- SQLite -----------------------------------------------------------------------------

    def _lock_file(self, connection: Any, _record: object) -> None:
        database = next(row[2] for row in connection.execute("PRAGMA database_list"))
        if self._file is not None or not database:  # kept already; or in memory, nobody else's
            return
        path = Path(f"{database}-lock")  # SQLite says it without symbolic links
        try:
            self._file = self._wait(connection, lambda: LockFile.take(path), lambda: _read(path))
        except OSError as error:
            connection.close()
            raise ConfigurationError(
                f"cannot lock the ledger: {error.strerror}",
                where=str(path),
                remedy="check that the folder is writable and the disk has room",
            ) from error
        with suppress(OSError):  # a full disk: whoever is refused is not told by whom, no more
            path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))

    # -- PostgreSQL -------------------------------------------------------------------------

    def _lock_session(self, connection: Any, _record: object) -> None:
        def take() -> bool:
            cursor.execute(f"SELECT pg_try_advisory_lock({_CLASS}, {_KEY})")
            taken = bool(cursor.fetchone()[0])
            connection.commit()
            return taken

        def holder() -> str:
            cursor.execute(_HOLDER)
            found = cursor.fetchone()
            if found is not None and found[1] == self._me:
                # Our own last connection, which the server has not seen end. What it had begun to
                # commit is decided when it is gone, and read only then.
                cursor.execute("SELECT pg_terminate_backend(%s)", (found[0],))
            connection.commit()
            return "" if found is None else _who(found[1])

        if self._lost is not None:
            connection.close()
            raise self._lost
        try:
            with connection.cursor() as cursor:
                for name, value in {"application_name": self._me, **_SESSION}.items():
                    cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
                connection.commit()
                self._wait(connection, lambda: take() or None, holder)
        except BaseException:
            connection.close()
            raise

    # -- both -------------------------------------------------------------------------------

    def _wait(self, connection: Any, take: Callable[[], Any], holder: Callable[[], str]) -> Any:
        """Return what ``take`` returns as soon as that is not None.

        Raises:
            LedgerTakenError: It was None for as long as we are patient.
        """
        deadline = time.monotonic() + self._patience
        while (taken := take()) is None:
            who = holder()
            if time.monotonic() >= deadline:
                connection.close()
                self._lost = LedgerTakenError(
                    f"another process writes this ledger{who and f': {who}'}",
                    where=self._where,
                    remedy="stop that one first; a broker node that is to wait for its turn is "
                    "started with `labmesh run standby` (PostgreSQL)",
                )
                raise self._lost
            time.sleep(_PAUSE)
        return taken


def lock_holder(connection: Any) -> str | None:
    """Return who has the lock of a PostgreSQL ledger, in words; None when nobody has.

    Args:
        connection: A SQLAlchemy connection, of a reader for instance.
    """
    found = connection.exec_driver_sql(_HOLDER).first()
    return None if found is None else _who(found[1])


def _read(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"pid {found['pid']} on {found['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _who(application: str) -> str:
    """Return a writer's ``application_name`` in words."""
    match application.split():
        case ["labmesh", host, pid, _token]:
            return f"pid {pid} on {host}"
        case _:
            return application or "a session without a name"
