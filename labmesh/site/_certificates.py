"""The server certificate of a site: for whom it is, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from labmesh.security.authority import Authority
from labmesh.site._description import Description
from labmesh.site._folder import SiteFolder
from messages.errors import ConfigurationError

SOON_DAYS: Final = 30
"""A certificate that ends within these is renewed by whoever looks, and warned of until then."""

_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
"""Names of the machine itself, whatever others call it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in a file.

    Attributes:
        hosts: DNS names and addresses that it is for.
        until: When it ends.
    """

    hosts: frozenset[str]
    until: datetime

    @property
    def days(self) -> int:
        """Whole days until it ends; negative afterwards."""
        return (self.until - datetime.now(UTC)).days

    @classmethod
    def read(cls, file: Path) -> Certificate:
        """Read the first certificate of a file (PEM).

        Raises:
            ConfigurationError: It holds none.
        """
        try:
            found = x509.load_pem_x509_certificate(file.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"holds no certificate: {error}", where=str(file)) from error
        try:
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return cls(frozenset(), found.not_valid_after_utc)
        hosts = {
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        }
        return cls(frozenset(hosts), found.not_valid_after_utc)


def server_hosts(description: Description) -> tuple[str, ...]:
    """Return every name by which the MQTT broker of a site is reached."""
    return tuple(dict.fromkeys((*description.hosts, *_ALWAYS)))


def why_renew(folder: SiteFolder, description: Description) -> str:
    """Return why the site needs a new server certificate; empty when it does not."""
    if not folder.certificate.exists() or not folder.key.exists():
        return "there is none yet"
    present = Certificate.read(folder.certificate)
    missing = sorted(set(server_hosts(description)) - present.hosts)
    if missing:
        return f"it is not for {', '.join(missing)}"
    if present.days < SOON_DAYS:
        return f"it ends on {present.until:%Y-%m-%d}"
    return ""


def open_authority(folder: SiteFolder, description: Description) -> Authority:
    """Return the certificate authority of a site, made where it is missing."""
    if not folder.authority.exists():
        Authority.create(folder.authority, f"Labmesh site {description.site}")
    return Authority.open(folder.authority)


def renew(folder: SiteFolder, description: Description) -> None:
    """Make a new server certificate."""
    authority = open_authority(folder, description)
    authority.issue_server(server_hosts(description), folder.certificate, folder.key)
