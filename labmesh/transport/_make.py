"""A transport from a url."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from labmesh.security import Account
from labmesh.transport._api import Transport, Will
from labmesh.transport._hub import MemoryHub
from labmesh.transport._memory import MemoryTransport
from labmesh.transport._mqtt import MqttTransport
from labmesh.transport._options import MqttAddress, MqttOptions
from messages.errors import ConfigurationError


def make_transport(
    at: str | Account,
    *,
    client_id: str,
    username: str | None = None,
    will: Will | None = None,
    **options: Any,
) -> Transport:
    """Return a transport, not yet open.

    Args:
        at: ``mqtt[s]://[user[:password]@]host[:port]``, or ``memory://name`` for this process's hub
            of that name; or an account, which has such a url.
        client_id: The MQTT client id; see `Account.client_id`.
        username: Used where neither the account nor the url has one. A hub asks for none.
        will: What is published when the connection is lost.
        options: The other fields of `MqttOptions`; a hub ignores ``keepalive`` and ``backoff``.

    Raises:
        ConfigurationError: The url is malformed or an option is unknown or out of range.
    """
    account = Account(url=at) if isinstance(at, str) else at
    url = account.url
    try:
        if urlsplit(url).scheme == "memory":
            for name in ("keepalive", "backoff"):
                options.pop(name, None)
            hub = MemoryHub.named(urlsplit(url).netloc)
            return MemoryTransport(hub, client_id=client_id, will=will, **options)
        own = MqttAddress.parse(url)
        return MqttTransport(
            MqttOptions(
                url=url,
                client_id=account.client_id(client_id),
                username=account.username or own.username or username,
                password=account.password,
                ca=account.ca,
                cert=account.cert,
                key=account.key,
                will=will,
                **options,
            )
        )
    except TypeError as error:
        raise ConfigurationError(f"unknown transport option: {error}") from error
