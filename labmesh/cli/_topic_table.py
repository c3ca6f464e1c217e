"""Every class of topic, with what it carries: the table from which documents are made."""

from __future__ import annotations

from typing import Final, NamedTuple

from messages.access import SiteAccess, Withheld
from messages.artifact import Manifest
from messages.ledger import (
    Cancel,
    Decision,
    Entry,
    Head,
    Offer,
    Order,
    OrderCancel,
    Progress,
    Receipt,
    Request,
    Result,
    ResultAmendment,
    SampleState,
)
from messages.model import Message
from messages.node import (
    Beat,
    Call,
    ClockTick,
    Descriptor,
    Diagnostic,
    Lifecycle,
    LogRecord,
    Milestone,
    NodeEvent,
    Parameters,
    Presence,
    Problem,
    Reply,
    Schema,
)

_TO: Final = "{toSite}/{toNode}"


class TopicClass(NamedTuple):
    """One class of topic below ``{realm}/{site}/{node}``.

    Attributes:
        name: Of the channel.
        address: Below a node's own prefix, variable levels in braces.
        models: What may come there; empty: whatever a node declares.
        qos: MQTT's.
        retained: Whether late joiners get the last one.
        description: One sentence.
        reply: Name of the channel on which the answer comes.
    """

    name: str
    address: str
    models: tuple[type[Message], ...]
    qos: int
    retained: bool
    description: str
    reply: str | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(each.TYPE for each in self.models)


TOPIC_CLASSES: Final = (
    TopicClass("desc", "node/desc", (Descriptor,), 1, True, "What a node is, publishes, takes, "
               "serves, calls and offers."),
    TopicClass("life", "node/life", (Lifecycle,), 1, True, "A node's lifecycle state."),
    TopicClass("param", "node/param", (Parameters,), 1, True, "A node's parameters."),
    TopicClass("diag", "node/diag/{component}", (Diagnostic,), 1, True,
               "How a component of a node fares."),
    TopicClass("alive", "node/alive/{instance}", (Presence,), 1, True,
               "Whether a process is there; also its last will."),
    TopicClass("offer", "offer/{quantity}/{method}", (Offer,), 1, True,
               "A node's word that it serves a capability."),
    TopicClass("schema", "schema/{type}/{hash}", (Schema,), 1, True,
               "The JSON Schema of a message type; never changed."),
    TopicClass("call", f"call/{_TO}/{{service}}", (Call,), 1, False,
               "A service call, with a deadline; the envelope's id correlates the reply.", "reply"),
    TopicClass("reply", f"reply/{_TO}/{{instance}}", (Reply,), 1, False,
               "The answer to a call."),
    TopicClass("request", f"request/{_TO}/{{quantity}}/{{method}}", (Request,), 1, False,
               "Requester to ledger: what is asked for; its id is the idempotency key.", "receipt"),
    TopicClass("cancel", f"cancel/{_TO}/{{id}}", (Cancel,), 1, False,
               "Requester to ledger: retract a request of one's own.", "receipt"),
    TopicClass("decision", f"decision/{_TO}/{{id}}", (Decision,), 1, False,
               "To the ledger: a person's word on a held request.", "receipt"),
    TopicClass("amend", f"amend/{_TO}/{{id}}", (ResultAmendment,), 1, False,
               "To the ledger: a word on a result that is there.", "receipt"),
    TopicClass("order", f"order/{_TO}/{{id}}", (Order,), 1, False,
               "Ledger to one worker: validated, persisted, leased.", "progress"),
    TopicClass("void", f"void/{_TO}/{{id}}", (OrderCancel,), 1, False,
               "Ledger to a worker: an order is not wanted any more."),
    TopicClass("progress", f"progress/{_TO}/{{id}}", (Progress,), 1, False,
               "Worker to ledger: accepted, declined, under way."),
    TopicClass("result", f"result/{_TO}/{{quantity}}/{{method}}", (Result,), 1, False,
               "Worker to ledger: a result or a failure.", "receipt"),
    TopicClass("receipt", f"receipt/{_TO}", (Receipt,), 1, False,
               "Ledger to author: accepted at an offset, or refused and why."),
    TopicClass("journal", f"journal/{{kind}}/{_TO}", (Entry,), 1, False,
               "Every entry of the ledger, gapless by offset."),
    TopicClass("sample", "sample/{id}", (SampleState, Withheld), 1, True, "A sample's last state."),
    TopicClass("access", "access", (SiteAccess,), 1, True,
               "Whether a ledger holds anything confidential; stays at its site."),
    TopicClass("head", "head", (Head,), 1, True, "The ledger's last offset and its hash."),
    TopicClass("data", "data/{stream}", (), 0, False, "A stream of a node; see its descriptor."),
    TopicClass("event", "event/{kind}", (NodeEvent, Milestone, Problem), 1, False,
               "Something that happened; see the node's descriptor."),
    TopicClass("log", "log/{level}", (LogRecord,), 0, False, "A node's log."),
    TopicClass("beat", "beat", (Beat,), 0, True, "A sign of life from a node's work."),
    TopicClass("clock", "clock", (ClockTick,), 1, True, "Simulated time."),
    TopicClass("blob", "blob/{sha256}", (Manifest,), 1, True,
               "Who has an artifact, and its size."),
    TopicClass("fetch", f"fetch/{_TO}/{{sha256}}", (Call,), 1, False,
               "Ask for a piece of an artifact.", "reply"),
)  # fmt: skip
