"""Where passwords and data may travel readable: on this machine, and where somebody says so."""

from __future__ import annotations

import ipaddress
import os
from typing import Final

from messages.errors import ConfigurationError

PLAIN: Final = "LABMESH_PLAIN_MQTT"
"""Set to 1, this variable lets passwords and data travel readable over a network."""

_LOCAL_NAMES: Final = frozenset({"localhost", "ip6-localhost", "localhost.localdomain"})


def is_loopback(host: str) -> bool:
    """Tell whether what is sent to ``host`` stays on this machine, by its name or address alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in _LOCAL_NAMES


def refuse_plain(host: str, *, where: str = "") -> None:
    """Refuse a connection without TLS to another machine, unless `PLAIN` is set.

    Raises:
        ConfigurationError: It would be one.
    """
    if is_loopback(host) or os.environ.get(PLAIN, "") not in ("", "0"):
        return
    raise ConfigurationError(
        f"mqtt://{host} would send passwords and data readable over the network",
        where=where,
        remedy=f"write mqtts://, or set {PLAIN}=1 where the network itself keeps them secret",
    )
