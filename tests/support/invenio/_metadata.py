"""What the server takes of metadata, and what it complains about: as recorded, and no more."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, Final

_MISSING: Final = "Missing data for required field."
_REQUIRED: Final = ("resource_type", "creators", "title", "publication_date")
_EITHER: Final = (
    "Only an existing id or free text title/description/link is accepted, but not both cases at "
    "the same time"
)
_LICENCE: Final = {
    "id": "cc-by-4.0",
    "title": {"en": "CC BY 4.0"},
    "props": {"url": "https://creativecommons.org/licenses/by/4.0/legalcode", "scheme": "spdx"},
}

Complaint = dict[str, Any]


class InvalidValueError(Exception):
    """A term of no vocabulary: the whole request is refused."""


def _complaint(field: str, message: str) -> Complaint:
    return {"field": field, "messages": [message]}


def taken(payload: Any) -> tuple[dict[str, Any], dict[str, Any], list[Complaint]]:
    """Return metadata and access as they are stored, and complaints; bad fields are dropped."""
    metadata = copy.deepcopy(payload.get("metadata") or {})
    complaints = []
    for field in _REQUIRED:
        if not metadata.get(field):
            complaints.append(_complaint(f"metadata.{field}", _MISSING))
        elif field == "title" and len(metadata["title"]) < 3:
            del metadata["title"]
            complaints.append(_complaint("metadata.title", "Shorter than minimum length 3."))
    if 0 < len(metadata.get("description", "")) < 3:
        del metadata["description"]
        complaints.append(_complaint("metadata.description", "Shorter than minimum length 3."))
    for number, right in enumerate(metadata.get("rights", [])):
        if right["id"] != _LICENCE["id"]:
            raise InvalidValueError(right["id"])
        if right.keys() > {"id"}:
            complaints.append(_complaint(f"metadata.rights.{number}.rights", _EITHER))
            metadata["rights"][number] = {"id": right["id"]}
    if "resource_type" in metadata:
        metadata["resource_type"] = {"id": metadata["resource_type"]["id"]}
    for creator in metadata.get("creators", []):
        person = creator["person_or_org"]
        if person["type"] == "personal":
            names = (person["family_name"], person.get("given_name", ""))
            person["name"] = ", ".join(filter(None, names))
    access: dict[str, Any] = {"record": "public", "files": "public"}
    access["embargo"] = {"active": False, "reason": None}
    access |= copy.deepcopy(payload.get("access") or {})
    embargo = access["embargo"]
    if embargo.get("active") and embargo["until"] <= datetime.now(UTC).date().isoformat():
        words = "Embargo end date must be set to a future date."
        complaints.append(_complaint("access.embargo.until", words))
    access.pop("status", None)
    return metadata, access, complaints


def missing(metadata: dict[str, Any]) -> list[Complaint]:
    """Return what keeps a draft from being published."""
    absent = [field for field in _REQUIRED if not metadata.get(field)]
    return [_complaint(f"metadata.{field}", _MISSING) for field in absent]


def shown(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata with the titles of terms, as most answers have them."""
    found = copy.deepcopy(metadata)
    if "resource_type" in found:
        found["resource_type"] = {"id": "dataset", "title": {"en": "Dataset"}}
    if "rights" in found:
        found["rights"] = [copy.deepcopy(_LICENCE) for _ in found["rights"]]
    return found
