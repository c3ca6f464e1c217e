"""Topics as they are written on the command line."""

from __future__ import annotations

from labmesh.place import Place
from messages.errors import ConfigurationError


def whole_topic(text: str, place: Place) -> str:
    """Return a topic or filter as the MQTT broker knows it.

    Raises:
        ConfigurationError: It is neither of this realm nor written with ~.
    """
    if text.startswith("~"):
        rest = text[1:].removeprefix("/")
        return f"{place.realm}/{rest}" if rest else f"{place.realm}/#"
    first = text.partition("/")[0]
    if first in (place.realm, "+", "#") or first.startswith("$"):
        return text
    raise ConfigurationError(
        f"topic {text!r} is not of realm {place.realm}",
        remedy=f"write '~{text}', or {place.realm}/... in full",
    )
