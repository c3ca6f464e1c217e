"""A small certificate authority: a key, its certificates, and which of them are revoked.

Its folder holds ``ca.pem`` (to give away), ``ca.key`` (mode 600, to keep), ``crl.pem`` (what is
revoked) and ``issued/{name}-{serial}.pem``. Keys are ECDSA on P-256 (RFC 5480), which every TLS 1.2
client knows; certificates follow RFC 5280.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labmesh.security._files import check_private, write_private
from messages.errors import ConfigurationError

CA_FILE: Final = "ca.pem"
KEY_FILE: Final = "ca.key"
CRL_FILE: Final = "crl.pem"

_CA_DAYS: Final = 3650
DAYS: Final = 397
"""How long a certificate is good: the longest that browsers take (CA/Browser Forum, Baseline
Requirements 6.3.2), so that renewing is practised."""

_CRL_DAYS: Final = 3650
"""OpenSSL, hence mosquitto, refuses *every* client once the list is past its next update."""

_SLACK: Final = timedelta(minutes=5)
"""Machines' clocks differ; a new certificate is good a little before its making."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of an `Authority`.

    Attributes:
        name: The host or the account it names.
        serial: Its number.
        until: When it ends.
        revoked: When it was revoked, or None.
        file: The authority's copy of it.
    """

    name: str
    serial: int
    until: datetime
    revoked: datetime | None
    file: Path


class Authority:
    """Issues and revokes certificates; use `create` once, `open` afterwards."""

    def __init__(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        self._folder = folder
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, folder: Path, name: str, *, days: float = _CA_DAYS) -> Self:
        """Make an authority called ``name``.

        Raises:
            ConfigurationError: The folder holds one already.
        """
        if (folder / KEY_FILE).exists():
            raise ConfigurationError(
                "there is a certificate authority already",
                where=str(folder / KEY_FILE),
                remedy="use it; a new one would make all its certificates worthless",
            )
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        certificate = (
            _builder(subject, subject, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_identifier(key), critical=False)
            .sign(key, hashes.SHA256())
        )
        (folder / "issued").mkdir(parents=True, exist_ok=True)
        write_private(folder / KEY_FILE, _key_pem(key))
        (folder / CA_FILE).write_bytes(_pem(certificate))
        authority = cls(folder, key, certificate)
        authority._write_revoked([])
        return authority

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the authority in ``folder``.

        Raises:
            ConfigurationError: There is none, or others may read its key.
        """
        check_private(folder / KEY_FILE, "the key of the certificate authority")
        try:
            key = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((folder / CA_FILE).read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"the certificate authority cannot be read: {error}", where=str(folder)
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigurationError("is no key of ours (ECDSA)", where=str(folder / KEY_FILE))
        return cls(folder, key, certificate)

    @property
    def ca_file(self) -> Path:
        """The certificate that everybody who trusts this authority needs."""
        return self._folder / CA_FILE

    @property
    def crl_file(self) -> Path:
        """The list of what is revoked, for mosquitto's ``crlfile``."""
        return self._folder / CRL_FILE

    @property
    def until(self) -> datetime:
        """When the authority's own certificate ends."""
        return self._certificate.not_valid_after_utc

    def issue_server(
        self, hosts: Iterable[str], cert: Path, key: Path, *, days: float = DAYS
    ) -> Issued:
        """Write a new certificate and key for a server that clients know as ``hosts``.

        Args:
            hosts: DNS names and IP addresses.
            cert: Where the certificate goes.
            key: Where its key goes, mode 600.
            days: How long it is good.

        Raises:
            ConfigurationError: No host is named.
        """
        names = tuple(dict.fromkeys(hosts))
        if not names:
            raise ConfigurationError("a server's certificate names at least one host")
        return self._issue(
            names[0],
            ExtendedKeyUsageOID.SERVER_AUTH,
            cert,
            key,
            days,
            x509.SubjectAlternativeName([_host(name) for name in names]),
        )

    def issue_client(self, username: str, cert: Path, key: Path, *, days: float = DAYS) -> Issued:
        """Write a new certificate and key for an account; its common name is the username."""
        return self._issue(username, ExtendedKeyUsageOID.CLIENT_AUTH, cert, key, days, None)

    def issued(self) -> list[Issued]:
        """Return every certificate ever issued, by name and end."""
        revoked = {each.serial_number: each.revocation_date_utc for each in self._revoked()}
        found = []
        for file in (self._folder / "issued").glob("*.pem"):
            made = x509.load_pem_x509_certificate(file.read_bytes())
            name = str(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
            number = made.serial_number
            found.append(Issued(name, number, made.not_valid_after_utc, revoked.get(number), file))
        return sorted(found, key=lambda each: (each.name, each.until, each.serial))

    def revoke(self, name: str) -> list[Issued]:
        """Revoke every certificate of a host or account that is not; return those.

        mosquitto learns of it by SIGHUP, and applies it to whoever connects from then on.

        Raises:
            ConfigurationError: There is none.
        """
        due = [each for each in self.issued() if each.name == name and each.revoked is None]
        if not due:
            known = sorted({each.name for each in self.issued() if each.revoked is None})
            raise ConfigurationError(
                f"no certificate of {name!r} is to be revoked",
                remedy=f"there are those of {', '.join(known)}" if known else "",
            )
        now = datetime.now(UTC)
        fresh = [
            x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(now).build()
            for each in due
        ]
        self._write_revoked([*self._revoked(), *fresh])
        return due

    def _issue(
        self,
        name: str,
        purpose: x509.ObjectIdentifier,
        cert: Path,
        key: Path,
        days: float,
        hosts: x509.SubjectAlternativeName | None,
    ) -> Issued:
        secret = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), self._certificate.subject, secret.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_identifier(secret), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if hosts is not None:
            builder = builder.add_extension(hosts, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        serial = certificate.serial_number
        safe = "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)
        copy = self._folder / "issued" / f"{safe}-{serial:x}.pem"
        copy.write_bytes(_pem(certificate))
        write_private(key, _key_pem(secret))
        cert.parent.mkdir(parents=True, exist_ok=True)
        cert.write_bytes(_pem(certificate))
        return Issued(name, serial, certificate.not_valid_after_utc, None, copy)

    def _revoked(self) -> list[x509.RevokedCertificate]:
        return list(x509.load_pem_x509_crl(self.crl_file.read_bytes()))

    def _write_revoked(self, revoked: list[x509.RevokedCertificate]) -> None:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - _SLACK)
            .next_update(now + timedelta(days=_CRL_DAYS))
        )
        for each in revoked:
            builder = builder.add_revoked_certificate(each)
        signed = builder.sign(self._key, hashes.SHA256())
        fresh = self.crl_file.with_suffix(".new")
        fresh.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        fresh.replace(self.crl_file)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    # One that has ended already (negative days) is for tests of just that.
    start = min(now, now + timedelta(days=days)) - _SLACK
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    except ValueError as error:
        raise ConfigurationError(
            f"{common!r} cannot be in a certificate: {error}", remedy="use 1 to 64 characters"
        ) from error


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
