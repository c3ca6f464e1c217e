"""What whoever asks a reading service may see: everything, or what leaves the ledger's site."""

from __future__ import annotations

from typing import Any, Final

from nodes.broker._guard import Guard
from nodes.broker._row import Row

WITHHELD: Final = "withheld"
"""Label of a last state that whoever asks may not see."""


class Sight:
    """Sees everything: of the ledger's own site, and whoever has its file."""

    whole: bool = True

    def entry(self, row: Row) -> bool:
        """Tell whether an entry's body is seen; its place in the chain always is."""
        return True

    def request(self, uuid: str) -> bool:
        """Tell whether a request is seen."""
        return True

    def result(self, uuid: str) -> bool:
        """Tell whether a result is seen."""
        return True

    def sample(self, sample: str) -> bool:
        """Tell whether a sample is seen."""
        return True

    def state(self, sample: str, result: str) -> bool:
        """Tell whether a state of a sample, made by a result, is seen."""
        return True

    def last_state(self, sample: str) -> bool:
        """Tell whether a sample's last state is seen."""
        return True

    def artifact(self, sha256: str) -> bool:
        """Tell whether an artifact is seen."""
        return True


EVERYTHING: Final = Sight()


class FromAway(Sight):
    """Sees what may leave the ledger's site."""

    whole = False

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def entry(self, row: Row) -> bool:
        """Tell whether an entry's body may leave."""
        return not self._guard.hides(row)

    def request(self, uuid: str) -> bool:
        """Tell whether a request may leave."""
        return not self._guard.hides_request(uuid)

    def result(self, uuid: str) -> bool:
        """Tell whether a result may leave."""
        return not self._guard.hides_result(uuid)

    def sample(self, sample: str) -> bool:
        """Tell whether a sample may leave."""
        return not self._guard.hides_sample(sample)

    def state(self, sample: str, result: str) -> bool:
        """Tell whether a state may leave."""
        return not self._guard.hides_state(sample, result)

    def last_state(self, sample: str) -> bool:
        """Tell whether a sample's last state may leave."""
        return not self._guard.hides_last_state(sample)

    def artifact(self, sha256: str) -> bool:
        """Tell whether an artifact may leave."""
        return not self._guard.hides_artifact(sha256)


def sight_of(guard: Guard, node: Any) -> Sight:
    """Return what a node may see."""
    away = guard.active and guard.is_away(str(node))
    return FromAway(guard) if away else EVERYTHING
