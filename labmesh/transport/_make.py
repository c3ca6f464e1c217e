"""A transport from a url."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from labmesh.transport._api import Transport, Will
from labmesh.transport._hub import MemoryHub
from labmesh.transport._memory import MemoryTransport
from labmesh.transport._mqtt import MqttTransport
from labmesh.transport._options import MqttOptions
from messages.errors import ConfigurationError


def make_transport(
    url: str,
    *,
    client_id: str,
    username: str | None = None,
    password: str | None = None,
    will: Will | None = None,
    **options: Any,
) -> Transport:
    """Return a transport, not yet open.

    Args:
        url: ``mqtt://[user[:password]@]host[:port]``, or ``memory://name`` for this process's hub
            of that name.
        client_id: The MQTT client id.
        username: Overrides the url's. A hub asks for none.
        password: Overrides the url's.
        will: What is published when the connection is lost.
        options: The other fields of `MqttOptions`; a hub ignores ``keepalive`` and ``backoff``.

    Raises:
        ConfigurationError: The url is malformed or an option is unknown or out of range.
    """
    try:
        if urlsplit(url).scheme == "memory":
            for name in ("keepalive", "backoff"):
                options.pop(name, None)
            hub = MemoryHub.named(urlsplit(url).netloc)
            return MemoryTransport(hub, client_id=client_id, will=will, **options)
        return MqttTransport(
            MqttOptions(
                url=url,
                client_id=client_id,
                username=username,
                password=password,
                will=will,
                **options,
            )
        )
    except TypeError as error:
        raise ConfigurationError(f"unknown transport option: {error}") from error
