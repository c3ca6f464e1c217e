"""What spans say of messages and requests.

Names are those of OpenTelemetry's semantic conventions for messaging where it has one; the lab's
own begin with ``labmesh.``.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from labmesh.tracing._span import Attributes


def message_attributes(
    operation: Literal["send", "receive", "process"], topic: str, message: UUID | str | None = None
) -> Attributes:
    """Return what is to be said of a message on its way."""
    return {
        "messaging.system": "mqtt",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
        "messaging.message.id": None if message is None else str(message),
    }


def request_attributes(
    request: UUID | str,
    quantity: str | None = None,
    method: str | None = None,
    campaign: str | None = None,
) -> Attributes:
    """Return what is to be said of a step that serves a request."""
    return {
        "labmesh.request.id": str(request),
        "labmesh.quantity": quantity,
        "labmesh.method": method,
        "labmesh.campaign": campaign,
    }
