"""How to reach an MQTT broker, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from labmesh.security import refuse_plain
from labmesh.transport._api import Will
from messages.errors import ConfigurationError

DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
"""IANA's ports of mqtt and secure-mqtt, by the scheme of a url."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """Options of an `MqttTransport`.

    Attributes:
        url: ``mqtts://[user[:password]@]host[:port]``, or ``mqtt://`` without TLS: to this machine
            only, unless LABMESH_PLAIN_MQTT is 1.
        client_id: Identifies the session; a second connection with it takes over from the first.
        username: Overrides the url's.
        password: Overrides the url's.
        ca: Certificates (PEM) of whom to trust with ``mqtts``; None trusts those of the system.
        cert: Our own certificate (PEM), where the MQTT broker asks for one.
        key: Its private key.
        will: What the MQTT broker publishes when the connection is lost.
        clean_start: Whether the first connection of this process forgets an old session. With
            false and a session expiry, what came while no process was there is delivered.
        session_expiry: Seconds the MQTT broker keeps the session without a connection. When
            positive, reconnects of this process always resume it.
        receive_maximum: QoS 1 messages the MQTT broker may send before an acknowledgement.
        keepalive: Seconds without traffic after which the connection is probed; it is given up
            when it stays silent for as long again.
        window: Publishes with QoS 1 in flight or waiting for a reconnect; further callers wait.
        backoff: First and greatest delay between attempts to reconnect, in seconds.

    Raises:
        ConfigurationError: A value makes no sense.
    """

    url: str
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    will: Will | None = None
    clean_start: bool = True
    session_expiry: int = 0
    receive_maximum: int = 200
    keepalive: int = 15
    window: int = 100
    backoff: tuple[float, float] = (0.2, 10.0)

    def __post_init__(self) -> None:
        address = MqttAddress.parse(self.url)
        if not address.tls:
            refuse_plain(address.host)
        if not self.client_id:
            raise ConfigurationError("an MQTT client id must not be empty")
        _check("receive_maximum", self.receive_maximum, 1, 65535)
        _check("keepalive", self.keepalive, 1, 65535)
        _check("window", self.window, 1, 32768)
        _check("session_expiry", self.session_expiry, 0, 0xFFFFFFFF)
        if not 0 < self.backoff[0] <= self.backoff[1]:
            raise ConfigurationError(f"backoff {self.backoff} is not (first, greatest) seconds")

    @property
    def address(self) -> MqttAddress:
        """The address in ``url``, with the credentials that override it."""
        address = MqttAddress.parse(self.url)
        return MqttAddress(
            address.host,
            address.port,
            address.username if self.username is None else self.username,
            address.password if self.password is None else self.password,
            address.tls,
        )


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where an MQTT broker listens, and the credentials for it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> MqttAddress:
        """Parse ``mqtt[s]://[user[:password]@]host[:port]``.

        Raises:
            ConfigurationError: It is not of that shape; the message never shows a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            raise _bad_url("its port is not a number from 1 to 65535") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise _bad_url(f"its scheme is {parts.scheme!r}")
        if not parts.hostname:
            raise _bad_url("it names no host")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _bad_url("nothing may follow the port")
        return cls(
            parts.hostname,
            port,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password is not None else None,
            parts.scheme == "mqtts",
        )


def _bad_url(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the MQTT broker's url is not valid: {reason}",
        remedy="write mqtts://[user[:password]@]host[:port], or mqtt:// on one machine",
    )


def _check(name: str, value: int, least: int, greatest: int) -> None:
    if not least <= value <= greatest:
        raise ConfigurationError(f"{name} {value} is not between {least} and {greatest}")
