"""Requirements 7, 8, 16 and 17: what it takes to compute, to decide and to learn the same again."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from labmesh.fair._case import body_of, key_of, name_of, notes_of, provenance_of
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import Found, requirement
from labmesh.record import JournalEntry
from labmesh.reproducibility import metadata_sha256
from messages import campaign
from messages.ledger import Result
from messages.model import JsonObject
from messages.model_card import TRAINING
from messages.reproducibility import REPRODUCIBILITY

_NONE = "no model has computed anything in this campaign"


def _computed(exhibit: Exhibit) -> Iterator[tuple[JournalEntry, JsonObject]]:
    """Yield results of models with what they say of how to make them again, empty where nothing."""
    for entry in exhibit.case.everything:
        made = exhibit.case.worker(entry) == "model" and provenance_of(entry).get("source") is None
        note = notes_of(entry).get(REPRODUCIBILITY)
        if (made or note) and body_of(entry).get("outcome") == "resolved":
            yield entry, dict(note or {})


@requirement(7)
def hashed(exhibit: Exhibit) -> Found:
    """Each result of a model has a time, and a hash of its metadata that fits them."""
    found = Found(evidence={"results of models": 0})
    for entry, note in _computed(exhibit):
        found.evidence["results of models"] += 1
        told = note.get("metadata_sha256")
        if not told:
            found.faults.append(f"{name_of(entry)} has no hash of its metadata")
            continue
        try:
            result = Result.model_validate(body_of(entry))
        except ValidationError as error:
            found.faults.append(f"{name_of(entry)} is no result: {error.errors()[0]['msg']}")
            continue
        if metadata_sha256(result) != told:
            found.faults.append(f"the metadata of {name_of(entry)} are not what their hash says")
        if not entry.stamp:
            found.faults.append(f"{name_of(entry)} has no time")
    if not found.evidence["results of models"]:
        found.undecided = _NONE
    return found


@requirement(8)
def learning(exhibit: Exhibit) -> Found:
    """The plan with its seed, and before each request the proposal that led to it."""
    case = exhibit.case
    plans = [e for e in case.results if key_of(e) == (campaign.QUANTITY, campaign.METHOD)]
    proposals = [e for e in case.results if key_of(e) == (campaign.QUANTITY, campaign.PROPOSAL)]
    authors = {entry.author for entry in plans}
    asked = [
        entry for entry in case.requests.values()
        if entry.author in authors and body_of(entry).get("parent") is None
    ]  # fmt: skip
    counts = {"plans": len(plans), "proposals": len(proposals), "requests": len(asked)}
    found = Found(evidence=counts)
    if not plans and not proposals:
        found.undecided = "no optimiser drives this campaign"
        return found
    if not any("seed" in (body_of(plan).get("data") or {}) for plan in plans):
        found.faults.append("no plan with the seed of its random numbers is in the ledger")
    decided = {str((body_of(e).get("data") or {}).get("request")): e for e in proposals}
    for entry in asked:
        proposal = decided.get(str(entry.uuid))
        if proposal is None:
            found.faults.append(f"nothing says why request {entry.uuid} was made")
        elif proposal.offset > entry.offset:
            found.faults.append(f"the proposal of request {entry.uuid} came after it")
    for uuid, proposal in decided.items():
        told = body_of(proposal).get("data") or {}
        if told.get("origin") == "model" and not told.get("model"):
            found.faults.append(f"the proposal of request {uuid} does not say what its model was")
        if not (told.get("knew") or {}).get("sha256"):
            found.faults.append(f"the proposal of request {uuid} does not say what was known")
    found.remains = "that it decides so again: the command"
    return found


@requirement(16)
def calculations(exhibit: Exhibit) -> Found:
    """Each calculation: input, code, computer, output, who asked for it or ran it, and when."""
    found = Found(evidence={"calculations": 0})
    for entry, note in _computed(exhibit):
        found.evidence["calculations"] += 1
        missing = [
            words
            for words, there in (
                ("input", isinstance(body_of(entry).get("parameters"), dict)),
                ("code", (note.get("code") or {}).get("version")),
                ("computer", (note.get("hardware") or {}).get("cpu")),
                ("output", body_of(entry).get("data") is not None),
                ("person", note.get("requester") or note.get("operator")),
                ("time of submission", _submitted(exhibit, entry)),
            )
            if not there
        ]
        if missing:
            found.faults.append(f"{name_of(entry)} does not say: {', '.join(missing)}")
    if not found.evidence["calculations"]:
        found.undecided = _NONE
    return found


def _submitted(exhibit: Exhibit, entry: JournalEntry) -> int:
    """Return when it was asked for; of what nobody asked, when it was told."""
    request = body_of(entry).get("request")
    if request is None:
        return entry.stamp
    asked = exhibit.case.requests.get(str(request))
    return asked.stamp if asked is not None else 0


@requirement(17)
def learned(exhibit: Exhibit) -> Found:
    """Each model names what it began with, its seeds, its data by hash, and the machine."""
    found = Found(evidence={"results of named models": 0, "cards": 0})
    cards = {
        str(card.get("name")): card
        for entry in exhibit.case.of(TRAINING)
        for card in (body_of(entry).get("data") or {}).get("cards") or ()
    }
    found.evidence["cards"] = len(cards)
    for entry, note in _computed(exhibit):
        if not note.get("model"):
            continue
        found.evidence["results of named models"] += 1
        missing = [name for name in ("initial_parameters", "seeds") if name not in note]
        if "training_sha256" not in note:
            missing.append("training_sha256")
        if not (note.get("hardware") or {}).get("cpu"):
            missing.append("hardware")
        if missing:
            found.faults.append(f"{name_of(entry)} does not say: {', '.join(missing)}")
        card = cards.get(str(note["model"]))
        if card is not None and card.get("data_sha256") != note.get("training_sha256"):
            words = f"{name_of(entry)} and the card of {note['model']}"
            found.faults.append(f"{words} differ in their data")
    if not found.evidence["results of named models"]:
        found.undecided = "no result names its model (Order.reproducible)"
    else:
        found.remains = "that training it again predicts the same: the command"
    return found
