"""What a history holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
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
        model: Which model computed it, empty where none did.
        rating: Of the result, 0 to 5.
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
    model: str = ""
    rating: int | None = None
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
    """

    sample: str
    lives: dict[str, Life] = field(default_factory=dict)
    back: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()

    @property
    def offsets(self) -> tuple[int, ...]:
        """Offsets of the entries that it tells of, in the ledger's order."""
        found = {event.offset for life in self.lives.values() for event in life.events}
        return tuple(sorted(found))

    @property
    def results(self) -> frozenset[UUID]:
        """The results that it tells of."""
        return frozenset(event.result for life in self.lives.values() for event in life.events)

    def generation(self) -> dict[str, int]:
        """Return how far each sample is from the bottles: 0 for what was made of nothing here."""
        depths: dict[str, int] = {}

        def depth(sample: str) -> int:
            if sample not in depths:
                parents = [each for each in self.lives[sample].parents if each in self.lives]
                depths[sample] = 1 + max(map(depth, parents), default=-1)
            return depths[sample]

        for each in self.lives:
            depth(each)
        return depths

    def ordered(self) -> list[Life]:
        """Return the lives from the bottles to what was made last."""
        depths = self.generation()

        def place(life: Life) -> tuple[int, int, str]:
            return depths[life.sample], life.events[0].at if life.events else 0, life.sample

        return sorted(self.lives.values(), key=place)

    def plain(self) -> JsonObject:
        """Return it as plain values."""
        return {
            "sample": self.sample,
            "back": list(self.back),
            "forward": list(self.forward),
            "samples": [
                {
                    "sample": life.sample,
                    "kind": life.kind,
                    "parents": list(life.parents),
                    "children": list(life.children),
                    "events": [asdict(event) for event in life.events],
                }
                for life in self.ordered()
            ],
        }
