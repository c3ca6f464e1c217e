"""An account: how one process, person or site reaches an MQTT broker, and as whom."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

from labmesh.security._files import check_private, write_private
from messages.errors import ConfigurationError

_TAG: Final = 12
"""Hexadecimal digits of the secret part of a client id: 48 bits, which nobody guesses online."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a process must know to be let in. As a file: JSON, mode 600, paths beside the file.

    Attributes:
        url: ``mqtts://host[:port]`` of the MQTT broker; empty where it is named otherwise.
        username: At the MQTT broker; wins over the node's name. On a hub it is the site's.
        password: For it; None where a certificate is enough.
        ca: Certificates (PEM) of the authorities that vouch for the MQTT broker; None trusts those
            of the system.
        cert: One's own certificate (PEM), where the MQTT broker asks for one.
        key: Its private key, mode 600.
        site: The site that its owner belongs to, where nothing else says so.
        name: The node's name under which its owner takes part, where nothing else says so.
    """

    url: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    site: str | None = None
    name: str | None = None

    @classmethod
    def read(cls, file: Path | str) -> Self:
        """Read an account file.

        Raises:
            ConfigurationError: It is not there, others may read it or its key, or it is not an
                account; never shows what is in it.
        """
        file = Path(file).expanduser().absolute()
        check_private(file, "the account file")
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(file)) from (
                error
            )
        except ValueError:
            raise _not_one(file, "it is not JSON") from None
        account = cls._parse(content, file)
        if account.key is not None:
            check_private(account.key, "the private key")
        return account

    @classmethod
    def _parse(cls, content: Any, file: Path) -> Self:
        if not isinstance(content, dict):
            raise _not_one(file, "it is no JSON object")
        names = {each.name for each in fields(cls)}
        if unknown := sorted(content.keys() - names):
            raise _not_one(file, f"it has no field {unknown[0]!r}")
        given: dict[str, Any] = {key: value for key, value in content.items() if value is not None}
        for key, value in given.items():
            if not isinstance(value, str) or not value:
                raise _not_one(file, f"{key} is not a text")
        for key in ("ca", "cert", "key"):
            if key in given:
                given[key] = file.parent / Path(given[key]).expanduser()
                if not given[key].is_file():
                    raise _not_one(file, f"{key} names {given[key]}, which is not there")
        if ("cert" in given) != ("key" in given):
            raise _not_one(file, "cert and key belong together")
        return cls(**given)

    def write(self, file: Path) -> None:
        """Write an account file; paths below its folder become relative to it."""
        content: dict[str, str] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Path):
                inside = value.is_relative_to(file.parent)
                value = str(value.relative_to(file.parent) if inside else value.absolute())
            if value:
                content[each.name] = value
        write_private(file, json.dumps(content, indent=2) + "\n")

    def client_id(self, plain: str) -> str:
        """Return an MQTT client id that nobody makes who has not this account's secret.

        Whoever connects with a client id ends the connection and takes the session of the one who
        has it, whatever his username. So the id of an account with a password or a key ends in a
        keyed hash (HMAC-SHA256, RFC 2104); it is the same at every start, as sessions ask for.

        Raises:
            ConfigurationError: The key cannot be read.
        """
        if self.password is not None:
            secret = self.password.encode()
        elif self.key is not None:
            check_private(self.key, "the private key")
            secret = self.key.read_bytes()
        else:
            return plain
        digest = hmac.new(secret, plain.encode(), hashlib.sha256).hexdigest()
        return f"{plain}-{digest[:_TAG]}"


def _not_one(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"not an account file: {why}",
        where=str(file),
        remedy='write {"url": "mqtts://...", "username": "...", "password": "..."}, '
        "with ca, cert and key where needed",
    )
