"""mosquitto's password file, made without ever showing a password to a command line.

A line is ``username:$7$iterations$salt$hash`` with salt and hash in Base64: PBKDF2-HMAC-SHA512 with
64 bytes (mosquitto 2.0, ``mosquitto_passwd`` and its manual page).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from labmesh.security._files import check_private, write_private
from labmesh.security._members import check_username
from messages.errors import ConfigurationError

ITERATIONS: Final = 1000
"""mosquitto 2.1's default. It hashes in its only thread whenever somebody connects, so more would
be a way to stop it; a password of `new_password` cannot be guessed anyway."""

_SALT: Final = 12
"""Bytes; what mosquitto 2.0 writes and reads."""

_HASH: Final = 64
_WORD: Final = 24
"""Bytes of a new password: 192 bits."""


def new_password() -> str:
    """Return a new password of 32 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(_WORD)


def hash_password(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """Return ``$7$...``."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH)
    shown = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join(("", "7", str(iterations), *shown))


def is_password(password: str, hashed: str) -> bool:
    """Tell whether ``hashed``, as `hash_password` returns it, is of ``password``."""
    try:
        _, kind, iterations, salt, _ = hashed.split("$")
        again = hash_password(
            password, salt=base64.b64decode(salt, validate=True), iterations=int(iterations)
        )
    except ValueError:
        return False
    return kind == "7" and hmac.compare_digest(again, hashed)


def read_passwords(file: Path) -> dict[str, str]:
    """Return the hashes by username; nothing where there is no such file.

    Raises:
        ConfigurationError: Others may read it, or a line is none of a password file.
    """
    if not file.exists():
        return {}
    check_private(file, "the password file")
    found: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        username, colon, hashed = line.partition(":")
        if line and not (colon and hashed.startswith("$")):
            raise ConfigurationError("not username:hash", where=f"{file}:{number}")
        if line:
            found[username] = hashed
    return found


def set_password(file: Path, username: str, password: str) -> None:
    """Add an account to a password file, or change its password.

    mosquitto learns of it by SIGHUP, and then ends the connections made with the old one.

    Raises:
        ConfigurationError: As `read_passwords`; or the username or the password is none.
    """
    check_username(username)
    if not password or not password.isprintable():
        raise ConfigurationError("a password is not empty, and of printable characters")
    _write(file, read_passwords(file) | {username: hash_password(password)})


def remove_password(file: Path, username: str) -> bool:
    """Revoke an account; return whether it was there. Otherwise as `set_password`."""
    known = read_passwords(file)
    found = known.pop(username, None) is not None
    _write(file, known)
    return found


def _write(file: Path, passwords: dict[str, str]) -> None:
    lines = [f"{username}:{hashed}\n" for username, hashed in sorted(passwords.items())]
    write_private(file, "".join(lines))
