"""The door: bytes on a topic become a checked message, or a refusal."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from messages.chain import canonical, hash_body
from messages.envelope import MAX_PAYLOAD, Header, RawEnvelope, decode
from messages.errors import (
    LabmeshError,
    MessageError,
    SchemaMismatchError,
    UnknownTypeError,
)
from messages.ids import NodeId
from messages.ledger import (
    Cancel,
    Decision,
    Offer,
    Progress,
    ProgressKind,
    Request,
    Result,
    ResultAmendment,
)
from messages.model import TYPES as MESSAGE_TYPES
from messages.model import JsonObject, Message
from messages.node import Lifecycle, Presence
from messages.topics import Topic, parse_topic
from nodes.broker._refusal import Refusal
from nodes.broker._row import MAX_BODY

TYPES: Final[dict[str, type[Message]]] = {
    "request": Request,
    "cancel": Cancel,
    "progress": Progress,
    "result": Result,
    "decision": Decision,
    "amend": ResultAmendment,
    "offer": Offer,
}
"""What is expected on each class of topic."""

_NODE: Final[dict[str, type[Message]]] = {"alive": Presence, "life": Lifecycle}

_parse = lru_cache(maxsize=4096)(parse_topic)
"""Most messages come on the few topics of their authors."""

_CODES: Final[dict[type[MessageError], str]] = {
    UnknownTypeError: "unknown_type",
    SchemaMismatchError: "schema",
    MessageError: "body",
}

_UNRECORDED: Final = frozenset({ProgressKind.FEEDBACK, ProgressKind.HEARTBEAT})


class Parcel(NamedTuple):
    """Bytes as they arrived."""

    topic: str
    payload: bytes


class Incoming(NamedTuple):
    """A message that is what it claims to be.

    Attributes:
        topic: Parsed.
        header: The envelope's.
        id: The envelope's id as text.
        message: The body, validated.
        body: The body as its author wrote it; what the journal keeps of requests and results.
        packed: Canonical msgpack of ``body``; empty for what is never journalled.
        hash: sha256 of ``packed``.
    """

    topic: Topic
    header: Header
    id: str
    message: Message
    body: JsonObject
    packed: bytes
    hash: bytes

    @property
    def author(self) -> str:
        """``site/node``, vouched for by topic and envelope."""
        return self.header.sender


def read(parcel: Parcel) -> Incoming:
    """Take in a message.

    Raises:
        Refusal: It is not what its topic and type promise.
    """
    try:
        topic = _parse(parcel.topic)
    except LabmeshError as error:
        raise Refusal("topic", error.what, where=error.where) from None
    raw = _decode(parcel)
    if raw.header.sender != str(topic.author):
        raise Refusal(
            "forged",
            f"the envelope says it is from {raw.header.sender!r}, its topic says {topic.author}",
            where="from",
            remedy="publish as yourself, below your own prefix",
        )
    expected = _expected(topic)
    if raw.header.type != expected.TYPE and raw.header.type in MESSAGE_TYPES:
        raise Refusal(
            "unknown_type", f"{raw.header.type} came where {expected.TYPE} belongs", where="type"
        )
    message, identity = _open(raw), str(raw.header.id)
    if isinstance(message, Progress) and message.kind in _UNRECORDED:
        return Incoming(topic, raw.header, identity, message, raw.body, b"", b"")
    packed = canonical(raw.body)
    if len(packed) > MAX_BODY:
        raise Refusal(
            "too_large",
            f"the body has {len(packed)} bytes, the ledger takes {MAX_BODY}",
            where="body",
            remedy="send large data as an artifact",
        )
    incoming = Incoming(topic, raw.header, identity, message, raw.body, packed, hash_body(packed))
    _check_topic(incoming)
    return incoming


def sender_of(parcel: Parcel) -> tuple[NodeId | None, UUID | None]:
    """Return who published a parcel and its message id, as far as they can be read."""
    author: NodeId | None = None
    identity: UUID | None = None
    try:
        author = parse_topic(parcel.topic).author
        if len(parcel.payload) <= MAX_PAYLOAD:
            identity = decode(parcel.payload).header.id
    except MessageError:
        return author, None
    except LabmeshError:
        return None, None
    return author, identity


def _decode(parcel: Parcel) -> RawEnvelope:
    try:
        return decode(parcel.payload, kept=True)
    except MessageError as error:
        raise Refusal("malformed", error.what, where=error.where, remedy=error.remedy) from None


def _open(raw: RawEnvelope) -> Message:
    try:
        return raw.open().body
    except MessageError as error:
        code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
        raise Refusal(code, error.what, where=error.where, remedy=error.remedy) from None


def _expected(topic: Topic) -> type[Message]:
    expected = (
        _NODE.get(topic.rest[0]) if topic.kind == "node" and topic.rest else TYPES.get(topic.kind)
    )
    if expected is None:
        raise Refusal("topic", f"nothing is taken from a {topic.kind} topic")
    return expected


def _check_topic(incoming: Incoming) -> None:
    """Topic and body say the same thing twice; they must agree."""
    message, rest = incoming.message, incoming.topic.rest
    match message:
        case Request() | Result() | Offer():
            said: tuple[str, ...] = (message.quantity, message.method)
        case Cancel() | Progress() | Decision():
            said = (str(message.request),)
        case ResultAmendment():
            said = (str(message.result),)
        case _:
            return
    if rest != said:
        raise Refusal(
            "topic", f"the topic ends in {'/'.join(rest)!r}, the body says {'/'.join(said)!r}"
        )
