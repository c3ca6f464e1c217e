"""A crate's summary and what a person said, as the metadata of an InvenioRDM record.

Built from these alone, never from what an archive answered. Fields are those of InvenioRDM 14.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from messages.model import JsonObject

if TYPE_CHECKING:
    from labmesh.crate import Author, CrateDescription, CrateSummary

_RELATIONS: Final = {
    "references": "references",
    "is_supplement_to": "issupplementto",
    "is_documented_by": "isdocumentedby",
    "is_derived_from": "isderivedfrom",
}
"""Ids of InvenioRDM's vocabulary of relations."""

_DOI: Final = ("doi.org", "dx.doi.org")


def metadata_of(
    summary: CrateSummary, said: CrateDescription, *, publisher: str, site: str
) -> JsonObject:
    """Return InvenioRDM's ``metadata`` without version, publication date and mark.

    Args:
        summary: Of the crate.
        said: What a person says.
        publisher: Who publishes.
        site: The site whose laboratory stands as the author where nobody is named.
    """
    laboratory = {"person_or_org": {"type": "organizational", "name": f"Laboratory of {site}"}}
    return {
        "resource_type": {"id": "dataset"},
        "title": summary.title,
        "publisher": publisher,
        "description": _description(summary, said),
        "creators": [_creator(author) for author in said.authors] or [laboratory],
        "rights": [{"id": said.licence.lower()}],
        "subjects": [{"subject": word} for word in summary.keywords],
        "related_identifiers": [
            {**_identifier(each.identifier), "relation_type": {"id": _RELATIONS[each.relation]}}
            for each in said.references
        ],
    }


def access_of(summary: CrateSummary, today: str) -> JsonObject:
    """Return InvenioRDM's ``access``: the record is public, its files need not be.

    Args:
        summary: Of the crate.
        today: ISO date; an embargo that is over is none.
    """
    embargo = summary.embargo_until > today
    closed = embargo or summary.access != "public"
    access: JsonObject = {"record": "public", "files": "restricted" if closed else "public"}
    if embargo:
        access["embargo"] = {
            "active": True, "until": summary.embargo_until, "reason": summary.embargo_reason,
        }  # fmt: skip
    return access


def words_of(access: JsonObject) -> str:
    """Return an ``access`` in words."""
    embargo = access.get("embargo") or {}
    if embargo.get("active"):
        return f"files restricted until {embargo['until']}"
    return "public" if access["files"] == "public" else "files restricted"


def _creator(author: Author) -> JsonObject:
    person: JsonObject = {"type": "personal", "family_name": author.family}
    if author.given:
        person["given_name"] = author.given
    if author.orcid:
        orcid = author.orcid.rstrip("/").rpartition("/")[2]
        person["identifiers"] = [{"scheme": "orcid", "identifier": orcid}]
    creator: JsonObject = {"person_or_org": person}
    if author.affiliations:
        creator["affiliations"] = [{"name": each.name} for each in author.affiliations]
    return creator


def _identifier(link: str) -> JsonObject:
    parts = urlsplit(link)
    if parts.hostname in _DOI:
        return {"identifier": parts.path.lstrip("/"), "scheme": "doi"}
    return {"identifier": link, "scheme": "url"}


def _description(summary: CrateSummary, said: CrateDescription) -> str:
    words = [line for line in summary.description.splitlines() if line.strip()]
    words.append(
        f"An RO-Crate: its files lie flat here; unpack data-*.zip beside them. Kept until "
        f"{summary.retain_until} at least."
    )
    if summary.contact:
        words.append(f"Contact: {summary.contact}")
    if said.rights_holder is not None:
        words.append(f"Rights holder: {said.rights_holder.name}")
    return "".join(f"<p>{html.escape(line)}</p>" for line in words)
