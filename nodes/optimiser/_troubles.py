"""What of a campaign's requests came to nothing, sub-requests included, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from messages.ledger import FINAL, Status
from messages.query import RequestView, ResultView
from nodes.optimiser._chapter import Chapter


def troubles_chapter(
    requests: Iterable[RequestView], results: Mapping[UUID, ResultView]
) -> Chapter:
    """Return how the requests ended, each that did not resolve with its explanation.

    Args:
        requests: Of the campaign, sub-requests included.
        results: Of the campaign, by their uuid: a failure says more than a status.
    """
    statuses: Counter[str] = Counter()
    lines, rows = [], []
    for view in requests:
        statuses[view.status.value] += 1
        if view.status not in FINAL or view.status is Status.RESOLVED:
            continue
        result = results.get(view.result) if view.result else None
        failure = result.failure if result is not None else None
        words = view.message or (failure.message if failure else "")
        rows.append(
            {
                "request": str(view.id),
                "capability": f"{view.quantity}/{view.method}",
                "status": view.status.value,
                "explanation": words,
            }
        )
        lines.append(
            f"{view.status.value} {view.quantity}/{view.method} {view.id}: "
            f"{words or 'NO EXPLANATION'}"
        )
    unexplained = sum(not row["explanation"] for row in rows)
    head = (
        f"all requests, sub-requests included: {sum(statuses.values())}, "
        + ", ".join(f"{count} {status}" for status, count in statuses.most_common())
        + f"; {unexplained} of {len(rows)} that came to nothing are unexplained"
    )
    return Chapter(
        "requests_in_all",
        (head, *(f"  {line}" for line in lines)),
        {"statuses": dict(statuses), "came_to_nothing": rows, "unexplained": unexplained},
    )
