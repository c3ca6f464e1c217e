"""Invitations: everything that a site needs to join a hub, as one text."""

from __future__ import annotations

import binascii
import hashlib
import time
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Final, Self

import msgpack
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from messages.errors import ConfigurationError
from messages.model import Name

_FAMILY: Final = "labmesh-site-"
_VERSION: Final = "1"
_CHECK: Final = 8
"""Bytes of the checksum: a slip is found, and no forger is kept out, who would need the hub's own
key to answer for the certificate in it."""

_MAX: Final = 16_000
Word = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=300)]


class Invitation(BaseModel):
    """What a hub gives to a site that shall join it. A secret: who has it is that site.

    Attributes:
        realm: First level of every topic.
        hub: The hub's own site.
        site: The site that is invited.
        url: Of the hub's MQTT broker, ``mqtts://host:port``.
        ca: The certificate (PEM) of the hub's authority.
        password: Of the site's account at the hub.
        expires: Seconds since 1970, UTC.
        peers: The sites that were at the hub at that time, the hub's own among them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    realm: Name
    hub: Name
    site: Name
    url: Word
    ca: Annotated[str, StringConstraints(strict=True, max_length=8000)] = Field(repr=False)
    password: Word = Field(repr=False)
    expires: Annotated[int, Field(strict=True, ge=0, lt=2**40)]
    peers: tuple[Name, ...]

    def pack(self) -> str:
        """Return it as a text of letters, digits, ``-`` and ``_``."""
        plain = msgpack.packb(self.model_dump(mode="json"))
        packed = zlib.compress(plain, 9)
        return f"{_FAMILY}{_VERSION}-{urlsafe_b64encode(_sum(packed) + packed).decode('ascii')}"

    @classmethod
    def unpack(cls, text: str, *, now: float | None = None) -> Self:
        """Return the invitation in ``text``, which may have been wrapped on its way.

        Raises:
            ConfigurationError: It is none, damaged, of another version, or has expired; never shows
                what is in it.
        """
        word = "".join(text.split()).strip("\"'`<>")
        if not word.startswith(_FAMILY):
            raise ConfigurationError(
                "this is no invitation", remedy=f"one begins with {_FAMILY}{_VERSION}-"
            )
        version, dash, body = word.removeprefix(_FAMILY).partition("-")
        if dash and version != _VERSION and version.isdecimal():
            raise ConfigurationError(
                f"the invitation is of version {version}, and this labmesh reads {_VERSION}",
                remedy="use one version of labmesh at the hub and here",
            )
        invitation = cls._open(body)
        if invitation.expires < (time.time() if now is None else now):
            when = datetime.fromtimestamp(invitation.expires, UTC)
            raise ConfigurationError(
                f"the invitation has expired on {when:%Y-%m-%d %H:%M} UTC",
                remedy=f"let the hub make another: labmesh site invite {invitation.site}",
            )
        return invitation

    @classmethod
    def _open(cls, body: str) -> Self:
        packed = _checked(body)
        try:
            plain = None if packed is None else zlib.decompressobj().decompress(packed, 4 * _MAX)
            return cls.model_validate(None if plain is None else msgpack.unpackb(plain))
        except (zlib.error, ValueError, msgpack.UnpackException) as error:
            raise ConfigurationError(
                f"the invitation is damaged ({len(body)} characters came)",
                remedy="copy it once more, from the first character to the last",
            ) from error


def _checked(body: str) -> bytes | None:
    """Return what the text holds, None where one character is not as it was."""
    if len(body) > _MAX or not body.isascii():
        return None
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return None
    packed = raw[_CHECK:]
    return packed if _sum(packed) == raw[:_CHECK] else None


def _sum(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:_CHECK]
