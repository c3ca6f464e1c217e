"""Which of a campaign's relations are synthetic, simulated, published or measured; in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

from messages import campaign
from messages.query import ResultView
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.optimiser._chapter import Chapter

_DECISIONS: Final = (campaign.QUANTITY, "workflow")
"""Quantities of records that are decisions, and tell of no material."""

_OF_THE_SIMULATOR: Final = (
    "so this campaign's optimum is a property of the simulator, not of a material"
)


def relations_chapter(results: Iterable[ResultView]) -> Chapter | None:
    """Return what the results of a campaign say of where their numbers come from.

    A result's provenance says whether an instrument was simulated and which source it was imported
    from; under the note ``synthetic`` (and ``published``) it lists sentences: which relations
    behind it nobody has measured, and which others have.

    Args:
        results: Of the campaign, those of sub-requests included.

    Returns:
        None where there is no result.
    """
    synthetic: dict[str, set[str]] = defaultdict(set)
    published: dict[str, set[str]] = defaultdict(set)
    simulated: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    resting: Counter[str] = Counter()
    for result in results:
        if result.outcome != "resolved" or result.quantity in _DECISIONS:
            continue
        by = f"{result.quantity}/{result.method}"
        notes = result.provenance.notes
        for sentence in _sentences(notes.get("synthetic")):
            synthetic[sentence].add(by)
        for sentence in _sentences(notes.get("published")):
            published[sentence].add(by)
        source = result.provenance.source
        if source is not None:
            published[source.title + (f", doi:{source.doi}" if source.doi else "")].add(by)
        rests = resting if notes.get(RESTS_ON_SIMULATED) is True else measured
        (simulated if result.provenance.simulated else rests)[by] += 1
    if not simulated and not measured and not resting:
        return None
    counts = {
        "simulated, no real instrument": simulated,
        "computed, from simulated data": resting,
        "not declared as simulated": measured,
    }
    lines = [
        *(f"synthetic: {words} ({', '.join(sorted(by))})" for words, by in synthetic.items()),
        *([_OF_THE_SIMULATOR] if synthetic else []),
        *(f"published: {words} ({', '.join(sorted(by))})" for words, by in published.items()),
        *(f"{words}: {_counted(count)}" for words, count in counts.items() if count),
    ]
    return Chapter(
        "relations",
        tuple(lines),
        {
            "synthetic": {sentence: sorted(by) for sentence, by in synthetic.items()},
            "published": {sentence: sorted(by) for sentence, by in published.items()},
            "simulated": dict(simulated),
            "rests_on_simulated": dict(resting),
            "not_simulated": dict(measured),
            "optimum_is_of_the_simulator": bool(synthetic),
        },
    )


def _sentences(note: Any) -> list[str]:
    if isinstance(note, str):
        return [note] if note else []
    return [str(each) for each in note] if isinstance(note, list | tuple) else []


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{by} ({count})" for by, count in sorted(found.items()))
