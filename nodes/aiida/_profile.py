# ruff: noqa: PLC0415 - AiiDA is an extra, heavy, and reads AIIDA_PATH when it is imported
"""The AiiDA profile of one node, in the node's own folder.

AiiDA keeps its configuration, its profile and its storage in globals of the process: one profile
is open at a time in a process, and everything here runs in one thread (`nodes.aiida._worker`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TextIO

from messages.errors import ConfigurationError, MissingProgramError

NAME: Final = "labmesh"
"""Of the profile."""

_OPTIONS: Final = {
    # Cached processes are copies of older ones: who asks twice for a value wants two on record.
    "caching.default_enabled": False,
    # Of AiiDA alone: ``logging.aiida_loglevel`` would silence the answers of ``verdi``, too.
    "logging.aiida_core_loglevel": "WARNING",
}

_guard = threading.Lock()
_open: Path | None = None


def need_aiida() -> None:
    """Check that AiiDA is installed, without importing it.

    Raises:
        MissingProgramError: It is not.
    """
    if find_spec("aiida") is None:
        raise MissingProgramError(
            "AiiDA is not installed",
            where="node aiida",
            remedy="pip install 'labmesh[aiida]'",
        )


class AiidaProfile:
    """An open profile. Made by `open_profile`; use it in the thread that opened it.

    Attributes:
        folder: What ``AIIDA_PATH`` has to be for ``verdi`` to find it.
        uuid: The profile's, the same at every start.
        version: AiiDA's.
        created: Whether this start made it.
    """

    def __init__(self, folder: Path, lock: TextIO, *, created: bool) -> None:
        import aiida
        from aiida.manage import get_manager

        self.folder = folder
        self.created = created
        self.version: str = aiida.__version__
        self._lock = lock
        self._manager = get_manager()
        self.uuid: str = self._manager.get_profile().uuid
        self.runner: Any = self._manager.create_runner(communicator=None)

    def close(self) -> None:
        """Close the storage and let others have the folder."""
        self.runner.loop.close()
        self._manager.unload_profile()
        _release(self._lock)


def open_profile(folder: Path, email: str) -> AiidaProfile:
    """Open the profile below ``folder``; make it where there is none.

    Raises:
        ConfigurationError: Another process or another node of this process has it, or it cannot
            be made or read: damaged, or of another version of AiiDA.
        MissingProgramError: AiiDA is not installed.
    """
    need_aiida()
    lock = _acquire(folder)
    try:
        created = _load(folder, email)
        return AiidaProfile(folder, lock, created=created)
    except BaseException:
        _release(lock)
        raise


def _acquire(folder: Path) -> TextIO:
    global _open  # noqa: PLW0603 - AiiDA's own state is as global
    with _guard:
        if _open is not None:
            raise ConfigurationError(
                f"this process has an AiiDA profile open already, {_open}",
                where=str(folder),
                remedy="run each AiiDA node in a process of its own, not in one container",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("a", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"the folder of the AiiDA profile cannot be made: {error.strerror}",
                where=str(folder),
                remedy="name a folder that you may write to with --data-dir",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise ConfigurationError(
                "another process has this AiiDA profile open",
                where=str(folder),
                remedy="stop it, or give this node a --name or a --data-dir of its own",
            ) from error
        _open = folder
        return lock


def _release(lock: TextIO) -> None:
    global _open  # noqa: PLW0603
    with _guard:
        lock.close()
        _open = None


def _load(folder: Path, email: str) -> bool:
    """Make AiiDA use the profile; return whether it had to be made."""
    # Read when AiiDA is imported; where it is missing, AiiDA makes ~/.aiida.
    os.environ["AIIDA_PATH"] = str(folder)
    configuration = folder / ".aiida"
    try:
        configuration.mkdir(mode=0o700, exist_ok=True)
        from aiida.common.exceptions import AiidaException
        from sqlalchemy.exc import SQLAlchemyError
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        return _load_or_make(folder, configuration, email)
    except (AiidaException, SQLAlchemyError, sqlite3.Error, OSError, ValueError, KeyError) as error:
        from aiida.manage import get_manager

        get_manager().unload_profile()
        raise _unusable(folder, error) from error


def _load_or_make(folder: Path, configuration: Path, email: str) -> bool:
    from aiida.manage import configuration as settings
    from aiida.manage import get_manager
    from aiida.manage.configuration.settings import AiiDAConfigDir
    from aiida.orm import User

    manager = get_manager()
    manager.unload_profile()
    settings.reset_config()
    AiiDAConfigDir.set(configuration)
    config = settings.get_config(create=True)
    store = folder / "store"
    made = NAME not in config.profile_names
    if made:
        _set_aside(store)
        for option in _OPTIONS.keys() & set(settings.get_option_names()):
            config.set_option(option, _OPTIONS[option])
        settings.create_profile(
            config,
            storage_backend="core.sqlite_dos",
            storage_config={"filepath": str(store)},
            name=NAME,
            email=email,
        )
        config.set_default_profile(NAME, overwrite=True)
        config.store()
    profile = manager.load_profile(NAME)
    if Path(profile.storage_config["filepath"]) != store:
        # The node's folder was moved; the store lies in it all the same.
        profile.set_storage("core.sqlite_dos", {"filepath": str(store)})
        config.update_profile(profile)
        config.store()
    if not made and not (store / "database.sqlite").is_file():
        raise FileNotFoundError(f"{store / 'database.sqlite'} is missing")
    manager.get_profile_storage()
    if profile.default_user_email is None:
        # Whoever made it died between the store and its user.
        _, user = User.collection.get_or_create(email=email)
        user.store()
        manager.set_default_user_email(profile, email)
        config.store()
    return made


def _set_aside(store: Path) -> None:
    """Rename a store that no profile names, so that a new one can be made in its place."""
    if not store.exists():
        return
    number = 1
    while (aside := store.with_name(f"store-set-aside-{number}")).exists():
        number += 1
    store.rename(aside)


def _unusable(folder: Path, error: Exception) -> ConfigurationError:
    text = " ".join(str(error).split()) or type(error).__name__
    return ConfigurationError(
        f"the AiiDA profile cannot be used: {text[:400]}",
        where=str(folder),
        remedy=f"if it is of an older AiiDA: AIIDA_PATH={folder} verdi -p {NAME} storage migrate; "
        "else move the folder away and start again (the ledger keeps every archive)",
    )
