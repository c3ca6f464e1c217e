"""The status machine: which change of a request's status is legal."""

from __future__ import annotations

from messages.errors import LifecycleError
from messages.ledger import FINAL, TRANSITIONS, ResultStatus, Status

HAS_ORDER = frozenset({Status.RESERVED, Status.RUNNING, Status.CANCELING, Status.HELD})
"""Statuses in which some worker has the request in hand."""

IN_HAND = frozenset({Status.RESERVED, Status.RUNNING, Status.CANCELING})
"""Statuses in which an order takes a slot and has a lease."""

RESULT_TRANSITIONS: dict[ResultStatus, frozenset[ResultStatus]] = {
    ResultStatus.ORIGINAL: frozenset({ResultStatus.AMENDED, ResultStatus.DELETED}),
    ResultStatus.AMENDED: frozenset({ResultStatus.AMENDED, ResultStatus.DELETED}),
    ResultStatus.DELETED: frozenset(),
}
"""FINALES 2's, and a result may be amended more than once."""


def check_change(before: Status, after: Status) -> None:
    """Refuse an illegal change.

    Raises:
        LifecycleError: ``after`` may not follow ``before``.
    """
    if after not in TRANSITIONS[before]:
        legal = ", ".join(sorted(TRANSITIONS[before])) or "nothing, it is final"
        raise LifecycleError(
            f"a request cannot go from {before} to {after}",
            remedy=f"after {before} may come: {legal}",
        )


def is_final(status: Status) -> bool:
    """Tell whether nothing follows ``status``."""
    return status in FINAL
