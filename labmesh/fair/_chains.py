"""What results rest on: samples, and the results that made these."""

from __future__ import annotations

from labmesh.fair._case import DECISIONS, Case, body_of, key_of, notes_of, provenance_of
from labmesh.record import JournalEntry
from messages.reproducibility import RESTS_ON_SIMULATED


def says_simulated(entry: JournalEntry) -> bool:
    """Whether a result says that it was simulated, or was computed from what was."""
    return (
        provenance_of(entry).get("simulated") is True
        or notes_of(entry).get(RESTS_ON_SIMULATED) is True
    )


def rests_silently(case: Case) -> list[JournalEntry]:
    """Return results of models about samples that were simulated, and that do not say so.

    A sample is simulated where the result that made one of its states says so.
    """
    made_up = {
        name
        for name, states in case.samples.states.items()
        for told in states
        if (made := case.samples.results.get(str(told.body["result"]))) is not None
        and (made.body.get("provenance") or {}).get("simulated") is True
    }
    return [
        entry
        for entry in case.results
        if key_of(entry)[0] not in DECISIONS
        and case.worker(entry) == "model"
        and body_of(entry).get("outcome") == "resolved"
        and not body_of(entry).get("samples")
        and (told := case.samples.results.get(str(entry.uuid))) is not None
        and told.about & made_up
        and not says_simulated(entry)
    ]


def ancestors(case: Case, sample: str) -> list[str]:
    """Return what a sample was made of, the farthest last; the sample itself where of nothing."""
    found: dict[str, None] = {}
    edge = [sample]
    while edge:
        name = edge.pop()
        if name not in found:
            found[name] = None
            edge += case.samples.parents(name)
    return list(found)


def roots(case: Case, sample: str) -> list[str]:
    """Return the samples with which the chain of a sample begins."""
    return [name for name in ancestors(case, sample) if not case.samples.parents(name)]


def birth_of(case: Case, sample: str) -> JournalEntry | None:
    """Return the result that gave birth to a sample, if it is among what the case holds."""
    uuid = str(case.samples.states[sample][0].body["result"])
    return next((entry for entry in case.everything if str(entry.uuid) == uuid), None)


def made_of(case: Case, sample: str) -> list[dict[str, object]]:
    """Return the chemicals that the result tells of which gave birth to a sample."""
    birth = birth_of(case, sample)
    if birth is None:
        return []
    body = body_of(birth)
    return chemicals([body.get("parameters"), body.get("data")])


def chemicals(value: object) -> list[dict[str, object]]:
    """Return every chemical that plain data name, with name, InChIKey and SMILES."""
    found: list[dict[str, object]] = []
    if isinstance(value, dict):
        if "inchikey" in value and "name" in value:
            found.append(value)
        for each in value.values():
            found += chemicals(each)
    elif isinstance(value, list | tuple):
        for each in value:
            found += chemicals(each)
    return found
