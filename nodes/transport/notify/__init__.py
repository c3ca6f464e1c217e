"""Notifiers: who is told of transports besides the people in the chat.

A package names its own in the entry point group ``labmesh.notifiers``: the kind, and a callable
that takes the options as a plain map and returns a `Notifier`.

.. code-block:: python

    class Siren:
        def __init__(self, options: dict[str, Any]) -> None:
            self.seconds = float(options.get("seconds", 1.0))

        async def notify(self, notification: Notification) -> None:
            await sound_the_siren(self.seconds)

        async def close(self) -> None:
            pass
"""

from __future__ import annotations

from nodes.transport.notify._api import KINDS, Notification, Notifier, NotifyError
from nodes.transport.notify._command import CommandNotifier
from nodes.transport.notify._email import EmailNotifier
from nodes.transport.notify._post import Post, make_notifiers

__all__ = [
    "KINDS",
    "CommandNotifier",
    "EmailNotifier",
    "Notification",
    "Notifier",
    "NotifyError",
    "Post",
    "make_notifiers",
]
