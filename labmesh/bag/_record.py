"""One message of a bag, and the channel it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from labmesh.bag._json import from_json
from messages.envelope import RawEnvelope, decode
from messages.errors import DecodeError

JSON: Final = "json"
MSGPACK: Final = "msgpack"
RAW: Final = "application/octet-stream"
"""Encodings of channels: envelopes in JSON, envelopes as they travelled, and whatever else."""

OURS: Final = frozenset({JSON, MSGPACK})
"""Those that hold envelopes. Another program's file may have others; they are taken as they are."""


@dataclass(frozen=True, slots=True)
class BagChannel:
    """What is the same of all messages in one channel of a bag.

    Attributes:
        topic: The whole topic.
        encoding: `JSON`, `MSGPACK` or `RAW`.
        author: ``site/node`` of the topic, or empty.
        qos: With which they came.
        retained: They are state: the MQTT broker kept the last one for late joiners.
        replayed: They were kept by the MQTT broker before the recording began.
        type: Message type; empty where there is no envelope.
        hash: sha256 of the type's JSON Schema at the sender.
    """

    topic: str
    encoding: str
    author: str = ""
    qos: int = 0
    retained: bool = False
    replayed: bool = False
    type: str = ""
    hash: str = ""


class BagMessage(NamedTuple):
    """A recorded message.

    Attributes:
        channel: Where it was.
        data: As it is in the file.
        log_time: When it was received, ns UTC by the recorder's wall clock.
        publish_time: Its stamp, ns UTC by its author's clock; ``log_time`` where it has none.
        sequence: The lowest 32 bits of the envelope's number.
    """

    channel: BagChannel
    data: bytes
    log_time: int
    publish_time: int
    sequence: int

    def envelope(self) -> RawEnvelope | None:
        """Return the envelope, None where it is none.

        Raises:
            DecodeError: The file says that it is one, and it is not.
        """
        if self.channel.encoding == JSON:
            return decode(from_json(self.data))
        return decode(self.data) if self.channel.encoding == MSGPACK else None

    def payload(self) -> bytes:
        """Return what travelled: the very bytes, or of JSON an equal message.

        Raises:
            DecodeError: The file says that it is an envelope, and it is not.
        """
        return from_json(self.data) if self.channel.encoding == JSON else self.data


def envelope_in(payload: bytes) -> RawEnvelope | None:
    """Return the envelope in ``payload``, None where it is none of ours."""
    if not payload:
        return None
    try:
        return decode(payload)
    except DecodeError:
        return None
