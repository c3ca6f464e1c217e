"""Requirements 20, 21, 23, 24 and 28: who may have it, on what terms, and whose it is."""

from __future__ import annotations

from datetime import UTC, datetime

from labmesh.crate import licences
from labmesh.fair._case import body_of, name_of
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import Found, requirement
from labmesh.record import JournalEntry
from messages.access import DeclarationOutput, Level
from messages.ledger import EntryKind


@requirement(20)
def levels(exhibit: Exhibit) -> Found:
    """Nothing that is confidential is in the crate: no result, no file."""
    case = exhibit.case
    secret = [entry for entry in case.entries if not case.book.may_leave(entry)]
    found = Found(evidence={"declarations": len(case.book.declared), "confidential": len(secret)})
    whole = [entry for entry in secret if entry.hash in exhibit.bodies]
    found.faults += [f"{name_of(entry)} is in the crate's ledger" for entry in whole]
    free = {sha for entry in case.entries if case.book.may_leave(entry) for sha in _shas(entry)}
    shipped = {each.sha256 for each in exhibit.summary.files} if exhibit.summary else set()
    for entry in secret:
        for sha256, name in _shas(entry).items():
            if sha256 in shipped - free:
                found.faults.append(f"{name} of {name_of(entry)} is in the crate")
    words = {str(entry.uuid): entry for entry in secret if entry.kind is EntryKind.RESULT}
    words |= {sha: entry for entry in secret for sha in _shas(entry) if sha not in free}
    for path in (*exhibit.folder.glob("*.json"), *exhibit.folder.glob("*.md")):
        content = path.read_text(encoding="utf-8", errors="replace")
        found.faults += [
            f"{name_of(entry)} is confidential, and in {path.name}"
            for word, entry in words.items()
            if word in content
        ]
    if not secret:
        found.remains = "nothing here is declared confidential"
    return found


def _shas(entry: JournalEntry) -> dict[str, str]:
    """Return the names of a result's files by their sha256."""
    files = body_of(entry).get("artifacts") or ()
    return {str(file.get("sha256")): str(file.get("name")) for file in files}


@requirement(21)
def restricted(exhibit: Exhibit) -> Found:
    """What is restricted or under embargo names whom to ask; its metadata are in the crate."""
    held = {
        subject: said
        for subject, said in exhibit.case.book.declared.items()
        if said.strictness is Level.RESTRICTED or said.embargo is not None
    }
    found = Found(evidence={"restricted": len(held)})
    for (kind, name), said in held.items():
        if not said.contact.strip():
            found.faults.append(f"{kind} {name} is restricted and names nobody to ask")
    access = exhibit.case.book.of_campaign(exhibit.case.campaign)
    if access.level is Level.RESTRICTED and not exhibit.root.get("contactPoint"):
        found.faults.append("the crate is restricted and names nobody to ask")
    if not held:
        found.remains = "nothing here is declared restricted"
    return found


@requirement(23)
def licensed(exhibit: Exhibit) -> Found:
    """The crate names a licence that is known."""
    known = {each.url: each for each in licences().values()}
    told = [str(each.get("@id") or each.get("name")) for each in exhibit.referred("license")]
    found = Found(evidence={"licences": len(told)})
    if not told:
        found.faults.append("the crate names no licence")
    found.faults += [f"{each} is no known licence" for each in told if each not in known]
    return found


@requirement(24)
def embargoes(exhibit: Exhibit) -> Found:
    """Each embargo has a day, and a reason where it is longer than six months."""
    case, found = exhibit.case, Found(evidence={"embargoes": 0})
    for entry in case.declarations:
        plain = body_of(entry).get("data") or {}
        if not plain.get("embargo"):
            continue
        found.evidence["embargoes"] += 1
        try:
            said = DeclarationOutput.model_validate(plain)
            said.check(datetime.fromtimestamp(entry.load_time / 1e9, tz=UTC).date())
        except ValueError as error:
            found.faults.append(f"{name_of(entry)}: {error}")
    if not found.evidence["embargoes"]:
        found.remains = "nothing here is under embargo"
    return found


@requirement(28)
def owned(exhibit: Exhibit) -> Found:
    """There is a place for an owner, and where one was declared the crate names it."""
    case, said = exhibit.case, exhibit.description.rights_holder
    declared = said.name if said is not None else case.book.of_campaign(case.campaign).owner
    holders = [str(each.get("name")) for each in exhibit.referred("copyrightHolder")]
    found = Found(evidence={"owners": len(holders)})
    if declared and declared not in holders:
        found.faults.append(f"{declared} owns it, and the crate does not say so")
    if not declared:
        sites = sorted({entry.author.partition("/")[0] for entry in case.results})
        found.remains = f"no owner is declared: it is the lab's, {', '.join(sites)}"
    return found
