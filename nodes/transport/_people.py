"""Who may carry: names, and hashes of their PINs, in a file that only its owner reads."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from labmesh.security import check_private, hash_password, is_password, write_private
from messages.errors import ConfigurationError
from messages.logistics import PersonName

SIMULATED: Final = "simulated-"
"""What the name of every courier begins with that is a program, and of nobody else."""

FILE: Final = "people.json"

_ITERATIONS: Final = 200_000
"""Of PBKDF2-HMAC-SHA512: a PIN is short, so guessing it from a stolen file shall be slow. OWASP's
password storage cheat sheet (2023) asks for 210 000; the figure is of that size."""

_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is easily read as something else: 0 o, 1 l i."""

_SHORTEST: Final = 6
_LONGEST: Final = 80

_NAME: Final = TypeAdapter(PersonName)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may carry.

    Attributes:
        name: As in the chat.
        hash: Of the PIN, as `labmesh.security.hash_password` returns it.
        simulated: It is a program.
    """

    name: str
    hash: str
    simulated: bool = False


def check_person(name: str) -> str:
    """Return ``name``; a ConfigurationError where it is none of a person."""
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        raise ConfigurationError(
            f"{name[:80]!r} is no name of a person",
            remedy="one word of letters, digits, . _ -, at most 40 characters",
        ) from None


def new_pin() -> str:
    """Return a new PIN: twelve letters and digits in three groups, some 59 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    return "-".join(groups)


def check_pin(pin: str) -> str:
    """Return ``pin``; a ConfigurationError where it is none, which does not repeat it."""
    if not _SHORTEST <= len(pin) <= _LONGEST or not pin.isprintable() or " " in pin or ";" in pin:
        raise ConfigurationError(
            "this is no PIN",
            remedy=f"{_SHORTEST} to {_LONGEST} printable characters, no space and no semicolon",
        )
    return pin


class People:
    """The file of people, read anew whenever it has changed.

    Args:
        folder: The transport node's own.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Person] = {}

    def all(self) -> dict[str, Person]:
        """Return everybody by name.

        Raises:
            ConfigurationError: The file is damaged, or others may read it.
        """
        try:
            stat = self.file.stat()
        except FileNotFoundError:
            self._seen, self._known = None, {}
            return self._known
        except OSError as error:
            raise ConfigurationError(
                f"the people cannot be read: {error.strerror}", where=str(self.file)
            ) from error
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            check_private(self.file, "the file of people")
            self._known, self._seen = self._read(), seen
        return self._known

    def knows(self, name: str, pin: str) -> Person | None:
        """Return the person of that name and PIN, or None. Takes a tenth of a second."""
        person = self.all().get(name)
        # The same work for a name that nobody has: the answer's time shall not tell the two apart.
        hashed = person.hash if person is not None else _nobody()
        return person if is_password(pin, hashed) and person is not None else None

    def add(self, name: str, pin: str, *, simulated: bool = False) -> None:
        """Add somebody, or give them another PIN; errors as `check_person`, `check_pin`, `all`."""
        check_person(name)
        if simulated != name.startswith(SIMULATED):
            raise ConfigurationError(
                f"{name}: names that begin with {SIMULATED} are of programs, and only those",
                remedy="choose another name",
            )
        hashed = hash_password(check_pin(pin), iterations=_ITERATIONS)
        self._write({**self.all(), name: Person(name, hashed, simulated)})

    def remove(self, name: str) -> bool:
        """Remove somebody; return whether they were there."""
        left = dict(self.all())
        found = left.pop(name, None) is not None
        if found:
            self._write(left)
        return found

    def _read(self) -> dict[str, Person]:
        try:
            lines = json.loads(self.file.read_text(encoding="utf-8"))["people"]
            found = [Person(e["name"], e["hash"], e.get("simulated") is True) for e in lines]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"this is no file of people: {error!r}",
                where=str(self.file),
                remedy="move it away and add the people anew: labmesh transport person add NAME",
            ) from error
        return {each.name: each for each in found}

    def _write(self, people: dict[str, Person]) -> None:
        lines = [
            {"name": each.name, "hash": each.hash, "simulated": each.simulated}
            for _, each in sorted(people.items())
        ]
        write_private(self.file, json.dumps({"people": lines}, indent=1) + "\n")
        self._seen = None


def _nobody() -> str:
    return hash_password("nobody", salt=b"nobody-nobod", iterations=_ITERATIONS)


def token_file(folder: Path, name: str) -> Path:
    """Return where a transport node keeps the token of a simulated courier."""
    return folder / f"{name}.token"


def give_token(people: People, name: str) -> None:
    """Make a simulated courier known, with a token in a file for its owner's eyes.

    One that has a token keeps it: a courier that runs must not be thrown out by a restart.
    """
    file = token_file(people.file.parent, name)
    if file.exists() and name in people.all():
        return
    # A process that dies in between leaves one of the two out, never two that do not fit.
    people.remove(name)
    pin = new_pin()
    write_private(file, pin + "\n")
    people.add(name, pin, simulated=True)
