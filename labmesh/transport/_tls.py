"""TLS to the MQTT broker: whom we trust, who we are, and what went wrong."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError, NotConnectedError

_CERTIFICATE: Final = {
    9: ("its certificate is not valid yet", "set this machine's clock"),
    10: (
        "its certificate has expired",
        "ask its operator to renew it, and check this machine's clock",
    ),
    18: ("nobody vouches for its certificate", "name its authority: ca in the account file"),
    19: ("its authority is not known here", "name it: ca in the account file"),
    20: ("its authority is not known here", "name it: ca in the account file"),
    21: ("its authority is not known here", "name it: ca in the account file"),
    23: ("its certificate was revoked", "ask its operator for a new one"),
    62: ("its certificate is for another host name", "connect by the name in the certificate"),
    64: ("its certificate is for another address", "connect by a name in the certificate"),
}
"""What and remedy by OpenSSL's X509_V_ERR_* (man openssl-verification-options, x509_vfy.h)."""

_ALERTS: Final = {
    "CERTIFICATE_REQUIRED": ("it asks for a certificate of ours", "add cert and key"),
    "HANDSHAKE_FAILURE": (
        "it takes none of our ciphers, or asks for a certificate of ours",
        "add cert and key, or ask its operator",
    ),
    "ALERT_UNKNOWN_CA": (
        "it does not know the authority of our certificate",
        "use a certificate of its own authority",
    ),
    "CERTIFICATE_EXPIRED": ("our certificate has expired", "ask for a new one"),
    "CERTIFICATE_REVOKED": ("our certificate was revoked", "ask for a new one"),
    "BAD_CERTIFICATE": ("it does not take our certificate", "ask for a new one"),
    "CERTIFICATE_UNKNOWN": ("it does not take our certificate", "ask for a new one"),
    "PROTOCOL_VERSION": ("it speaks no TLS newer than 1.1", "ask its operator for TLS 1.2 or 1.3"),
    "UNSUPPORTED_PROTOCOL": (
        "it speaks no TLS newer than 1.1",
        "ask its operator for TLS 1.2 or 1.3",
    ),
    "WRONG_VERSION_NUMBER": (
        "it does not speak TLS on this port",
        "check the port: 8883 as a rule",
    ),
    "RECORD_LAYER_FAILURE": (
        "it does not speak TLS on this port",
        "check the port: 8883 as a rule",
    ),
}
"""What and remedy by part of OpenSSL's reason (RFC 8446 section 6.2 names the alerts)."""


def make_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return TLS 1.2 or newer, certificate and host name verified.

    Blocking: reads files.

    Raises:
        ConfigurationError: A file cannot be read, or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise _bad_file(ca, "a file of trusted certificates", error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        try:
            # An empty passphrase: asking for one on the terminal would hang a node.
            context.load_cert_chain(cert, key, password="")
        except (OSError, ssl.SSLError) as error:
            raise _bad_file(cert, "our certificate and its key", error) from error
    return context


def explain_tls(error: Exception, at: str) -> NotConnectedError | None:
    """Return what ``error`` says about the TLS handshake, None when it is about something else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what, remedy = _CERTIFICATE.get(
            error.verify_code, (error.verify_message, "check its certificate")
        )
        return NotConnectedError(f"{at} cannot be trusted: {what}", remedy=remedy)
    if not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    for part, (what, remedy) in _ALERTS.items():
        if part in reason:
            return NotConnectedError(f"no TLS with {at}: {what}", remedy=remedy)
    words = reason.lower().replace("_", " ") or str(error)
    return NotConnectedError(f"no TLS with {at}: {words}", remedy="check host and port")


def is_final_tls(error: Exception) -> bool:
    """Tell whether ``error`` is about TLS and will be the same next time."""
    return isinstance(error, ssl.SSLCertVerificationError) or (
        isinstance(error, ssl.SSLError) and any(part in (error.reason or "") for part in _ALERTS)
    )


def _bad_file(file: Path | None, what: str, error: OSError) -> ConfigurationError:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return ConfigurationError(
        f"not {what}: {str(reason).lower().replace('_', ' ')}", where=str(file or "")
    )
