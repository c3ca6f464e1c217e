"""Roles: what an account may publish below its own prefix.

This table is the one source of mosquitto's access rules and of the page ``docs/security.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is to the lab; an account may have several."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    OPERATOR = "operator"
    INSTRUMENT = "instrument"
    LEDGER = "ledger"
    BRIDGE = "bridge"
    ADMINISTRATOR = "administrator"


READING: Final = (
    "agent.status",
    "calibration.list",
    "component.list",
    "component.types",
    "formulation.plan",
    "instrument.journal",
    "journal.read",
    "ledger.head",
    "ledger.stats",
    "log.get_level",
    "node.ping",
    "param.describe",
    "param.get",
    "query.access",
    "query.artifacts",
    "query.capabilities",
    "query.offers",
    "query.request",
    "query.requests",
    "query.result",
    "query.results",
    "query.sample",
    "query.samples",
    "search.find",
    "search.related",
    "search.sparql",
    "search.status",
    "stock.levels",
    "supplies.list",
    "transport.chat",
    "transport.job",
    "transport.jobs",
)
"""Services that change nothing, whoever serves them: everybody may call these."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may do.

    Attributes:
        writes: Topic filters below the account's own prefix.
        is_for: Who has it, in words.
    """

    writes: tuple[str, ...]
    is_for: str


_VIEWER: Final = (
    *(f"call/+/+/{name}" for name in READING),
    "fetch/#",  # pieces of artifacts
    "event/#",  # what it could not take, and the probes of listings
)
_REQUESTER: Final = (*_VIEWER, "request/#", "cancel/#", "estop/#")
_INSTRUMENT: Final = (
    *_VIEWER,
    "node/#", "offer/#", "schema/#", "data/#", "log/#", "beat", "clock",
    "reply/#", "goal/#", "feedback/#", "blob/#",
    "progress/#", "result/#", "amend/#", "estop/#",
)  # fmt: skip
_LEDGER: Final = (
    *_INSTRUMENT,
    "order/#",
    "void/#",
    "receipt/#",
    "journal/#",
    "sample/#",
    "head",
    "access",
)

RIGHTS: Final[dict[Role, Rights]] = {
    Role.VIEWER: Rights(_VIEWER, "a person or a program that only looks"),
    Role.REQUESTER: Rights(_REQUESTER, "who asks for measurements: scientists, optimisers"),
    Role.OPERATOR: Rights(
        (
            *_REQUESTER,
            "call/#",
            "decision/#",
            "amend/#",
            "result/+/+/sample_state/inspection",
            "result/+/+/access/declaration",
        ),
        "who runs the lab: changes lifecycles and parameters, decides what is held, says what a "
        "sample is that nobody can vouch for, and who may have what",
    ),
    Role.INSTRUMENT: Rights(_INSTRUMENT, "a node: it offers, works, answers and tells"),
    Role.LEDGER: Rights(_LEDGER, "the broker node, and its standby"),
    Role.BRIDGE: Rights(("#",), "a site at its hub: all that its own MQTT broker has let through"),
    Role.ADMINISTRATOR: Rights(("#",), "who mends: may also write and clear what others retain"),
}
"""A bridge's prefix is its site's, an administrator's the whole realm."""
