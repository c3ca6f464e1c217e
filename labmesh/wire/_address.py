"""Addresses of wires: URLs that say what is spoken, where, and how."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from messages.errors import ConfigurationError

_SERIAL: Final = ("baud", "bytes", "parity", "stop")

OPTIONS: Final = {
    "serial": (*_SERIAL, "settle"),
    "tcp": (),
    "modbus+tcp": ("unit", "timeout"),
    "modbus+rtu": (*_SERIAL, "unit", "timeout"),
    "folder": ("put", "take", "done", "stable"),
    "replay": (),
}
"""Schemes, and the options that each takes."""

_EXAMPLES: Final = {
    "serial": "serial:///dev/ttyUSB0?baud=9600",
    "tcp": "tcp://192.168.0.100:10000",
    "modbus+tcp": "modbus+tcp://192.168.0.5:502?unit=1",
    "modbus+rtu": "modbus+rtu:///dev/ttyUSB1?baud=38400&unit=1",
    "folder": "folder:///data/density",
    "replay": "replay:///session.wire",
}


@dataclass(frozen=True, slots=True)
class WireAddress:
    """A parsed address.

    Attributes:
        url: As given.
        scheme: A key of `OPTIONS`.
        host: Of TCP schemes, else empty.
        port: Of TCP schemes, else 0.
        path: Device, folder or file of the other schemes.
        options: What stands after the question mark.
    """

    url: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> WireAddress:
        """Parse an address.

        Raises:
            ConfigurationError: An unknown scheme or option, or a part is missing.
        """
        scheme, colon, _ = url.partition(":")
        if not colon or scheme not in OPTIONS:
            close = difflib.get_close_matches(scheme, OPTIONS, n=1)
            remedy = (
                f"write it as {_EXAMPLES[close[0]]}" if close else f"one of {', '.join(OPTIONS)}"
            )
            raise ConfigurationError(f"no wire is called {scheme!r}", where=url, remedy=remedy)
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in options:
            if name not in OPTIONS[scheme]:
                known = ", ".join(OPTIONS[scheme])
                raise ConfigurationError(
                    f"{scheme} takes no option {name!r}",
                    where=url,
                    remedy=f"it takes {known}" if known else "it takes none",
                )
        if scheme.endswith("tcp"):
            try:
                host, port = parts.hostname, parts.port
            except ValueError:
                host = port = None
            port = port or (502 if scheme == "modbus+tcp" else None)
            if not host or not port:
                raise ConfigurationError(
                    "host or port is missing", where=url, remedy=f"write it as {_EXAMPLES[scheme]}"
                )
            return cls(url, scheme, host, port, "", options)
        path = parts.netloc + parts.path
        if not path:
            raise ConfigurationError(
                "the path is missing", where=url, remedy=f"write it as {_EXAMPLES[scheme]}"
            )
        return cls(url, scheme, "", 0, path, options)

    def number(self, name: str, default: float) -> float:
        """Return an option as a number.

        Raises:
            ConfigurationError: It is none, or negative.
        """
        text = self.options.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise ConfigurationError(f"option {name} is {text!r}, not a number", where=self.url)
        return value

    def whole(self, name: str, default: int) -> int:
        """Return an option as a whole number; errors as `number`."""
        value = self.number(name, default)
        if value != int(value):
            raise ConfigurationError(
                f"option {name} is {value}, not a whole number", where=self.url
            )
        return int(value)
