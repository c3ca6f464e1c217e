"""A listener of the MQTT broker beside the loopback one: where others come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError

TLS_PORT: Final = 8883
"""IANA's port of secure-mqtt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where clients of other machines connect, by TLS 1.2 or newer.

    Attributes:
        port: TCP port.
        address: Of the interface; None is all of them, IPv4 and IPv6.
        cert: The server's certificate (PEM), with those between it and its authority.
        key: Its private key.
        ca: Authorities (PEM) whose certificates of clients are taken.
        crl: Certificates of clients that are revoked (PEM).
        require_certificate: Whether each client shows a certificate; its common name then is the
            username, and no password is asked for.
        max_connections: Clients at a time, -1 for any number. The system's limit of open files
            comes first: mosquitto takes connections until there is none left.
        plain: No TLS is meant: passwords and data are readable on the way.
    """

    port: int = TLS_PORT
    address: str | None = None
    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    crl: Path | None = None
    require_certificate: bool = False
    max_connections: int = 1000
    plain: bool = False

    def __post_init__(self) -> None:
        where = f"listener {self.port}"
        if not 1 <= self.port <= 65535:
            raise ConfigurationError("a port is from 1 to 65535", where=where)
        if self.address is not None and not (self.address and self.address.isprintable()):
            raise ConfigurationError("the address is empty or not printable", where=where)
        if (self.cert is None) != (self.key is None):
            raise ConfigurationError("a certificate needs its key, and the reverse", where=where)
        if (self.cert is None) != self.plain:
            raise ConfigurationError(
                "plain and with a certificate"
                if self.plain
                else "without a certificate passwords and data would be readable on the way",
                where=where,
                remedy="leave out plain" if self.plain else "give cert and key, or say plain=True",
            )
        if self.require_certificate and self.ca is None:
            raise ConfigurationError(
                "whose certificates of clients are to be taken?", where=where, remedy="give ca"
            )

    def render(self) -> list[str]:
        """Return its lines of ``mosquitto.conf``."""
        tls = [
            f"certfile {self.cert}",
            f"keyfile {self.key}",
            # The oldest version that is taken; 1.0 and 1.1 are broken (RFC 8996).
            "tls_version tlsv1.2",
            *([f"cafile {self.ca}"] if self.ca else []),
            *([f"crlfile {self.crl}"] if self.crl else []),
            f"require_certificate {str(self.require_certificate).lower()}",
            *(["use_identity_as_username true"] if self.require_certificate else []),
        ]
        return [
            f"listener {self.port}" + (f" {self.address}" if self.address else ""),
            f"max_connections {self.max_connections}",
            # Nobody here uses QoS 2, and it costs the most.
            "max_qos 1",
            *([] if self.plain else tls),
        ]
