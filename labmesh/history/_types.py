"""What a history holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from messages.model import JsonObject


@dataclass(frozen=True, slots=True)
class Event:
    """Something in the life of a sample: a new state, or something that left it as it was.

    Attributes:
        kind: ``state``: it was born or changed; ``touch``: it was measured, carried past or
            predicted, and stayed what it was; ``refused``: an attempt that came to nothing.
        at: ns, by the clock of the result's author: the lab's, simulated where the mesh is.
        offset: Of the entry in the ledger.
        quantity: Of the result.
        method: Of the result.
        result: Its uuid.
        request: What it answers, None where nobody asked.
        author: ``site/node``.
        instrument: As provenance names it.
        simulated: Whether no real instrument was involved.
        rests_on_simulated: Whether it was computed from what was simulated.
        outcome: Of the result.
        state: Number of the state, None of a touch.
        label: Of the state.
        location: Where the sample was then.
        protocol: Name of the protocol, empty where there is none.
        protocol_hash: Its fingerprint.
        campaign: For which it was done; empty for none.
        words: What a person would want to know besides, in words.
    """

    kind: Literal["state", "touch", "refused"]
    at: int
    offset: int
    quantity: str
    method: str
    result: UUID
    request: UUID | None
    author: str
    instrument: str = ""
    simulated: bool = False
    rests_on_simulated: bool = False
    outcome: str = "resolved"
    state: int | None = None
    label: str = ""
    location: str = ""
    protocol: str = ""
    protocol_hash: str = ""
    campaign: str = ""
    words: str = ""


@dataclass(slots=True)
class Life:
    """A sample and everything that befell it, in time.

    Attributes:
        sample: Its id.
        kind: ``coin_cell``, ``electrolyte`` ...
        parents: What it was made of.
        children: What was made of it.
        events: The oldest first.
    """

    sample: str
    kind: str
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a history is asked for.

    Attributes:
        back: Follow what it was made of.
        forward: Follow what was made of it.
        since: ns; leave out what came before.
        until: ns; leave out what came after.
    """

    back: bool = True
    forward: bool = True
    since: int | None = None
    until: int | None = None


@dataclass(slots=True)
class History:
    """A sample's history.

    Attributes:
        sample: Whose.
        lives: By sample, itself, its ancestors, its descendants.
        back: Names of the ancestors, the nearest first.
        forward: Names of the descendants, the nearest first.
        entries: Offsets of the entries that it comes from.
    """

    sample: str
    lives: dict[str, Life] = field(default_factory=dict)
    back: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()

    def plain(self) -> JsonObject:
        """Return it as plain values."""
        raise NotImplementedError
