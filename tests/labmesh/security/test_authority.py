"""The certificate authority; openssl checks what it makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labmesh.security.authority import Authority
from messages.errors import ConfigurationError


def verify(ca: Authority, cert: Path, *options: str) -> str:
    openssl = shutil.which("openssl")
    assert openssl, "openssl is missing"
    done = subprocess.run(
        [openssl, "verify", "-x509_strict", "-CAfile", ca.ca_file, *options, cert],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_certificates_are_issued_and_revoked(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path / "ca", "Lab CA")
    cert, key = tmp_path / "out/server.pem", tmp_path / "out/server.key"
    ca.issue_server(["hub.example", "192.0.2.7"], cert, key)
    assert key.stat().st_mode & 0o777 == 0o600
    for options in (("-verify_hostname", "hub.example"), ("-verify_ip", "192.0.2.7")):
        assert ": OK" in verify(ca, cert, "-purpose", "sslserver", *options)
    assert "hostname mismatch" in verify(ca, cert, "-verify_hostname", "evil.example")
    assert "unsuitable certificate purpose" in verify(ca, cert, "-purpose", "sslclient")

    mine, crl = tmp_path / "asab.pem", ("-crl_check", "-CRLfile", str(ca.crl_file))
    ca.issue_client("asab", mine, tmp_path / "asab.key")
    ca.issue_client("asab", tmp_path / "new.pem", tmp_path / "new.key")
    assert ": OK" in verify(ca, mine, "-purpose", "sslclient", *crl)
    again = Authority.open(tmp_path / "ca")
    assert len(again.revoke("asab")) == 2
    assert "certificate revoked" in verify(ca, mine, *crl)
    assert ": OK" in verify(ca, cert, *crl)
    with pytest.raises(
        ConfigurationError, match=r"'asab' is to be revoked; there are .* hub.example"
    ):
        again.revoke("asab")
    assert [(each.name, each.revoked is not None) for each in again.issued()] == [
        ("asab", True),
        ("asab", True),
        ("hub.example", False),
    ]
    ca.issue_client("asab", mine, tmp_path / "asab.key")
    assert ": OK" in verify(ca, mine, *crl), "a new one after the old was lost"


def test_an_authority_guards_its_key(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path, "Lab CA")
    with pytest.raises(ConfigurationError, match="there is a certificate authority already"):
        Authority.create(tmp_path, "Lab CA")
    with pytest.raises(ConfigurationError, match="at least one host"):
        ca.issue_server([], tmp_path / "x.pem", tmp_path / "x.key")
    with pytest.raises(ConfigurationError, match="use 1 to 64 characters"):
        ca.issue_client("x" * 65, tmp_path / "x.pem", tmp_path / "x.key")
    (tmp_path / "ca.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="certificate authority can be read.*chmod 600"):
        Authority.open(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Authority.open(tmp_path / "none")
