"""What the server does when it is asked: one method a route."""

from __future__ import annotations

import copy
import random
import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from tests.support.invenio._bodies import HOST, failure, file_links, like
from tests.support.invenio._metadata import InvalidValueError, missing, taken
from tests.support.invenio._state import File, Record, now

Answer = tuple[int, Any]

_NO_FILES: Final = (
    "Missing uploaded files. To disable files for this record please mark it as metadata-only."
)
NOT_FOUND: Final[Answer] = (404, failure(404, "Not found."))
FORBIDDEN: Final[Answer] = (403, failure(403, "Permission denied."))


def invalid(*errors: dict[str, Any]) -> Answer:
    """Return the refusal of what does not validate."""
    return 400, failure(400, "A validation error occurred.", list(errors))


def wrong(field_: str, message: str) -> Answer:
    """Return the refusal of one field."""
    return invalid({"field": field_, "messages": [message]})


@dataclass
class Archive:
    """All records and communities. Nothing here is thread-safe: the server holds a lock.

    Attributes:
        records: By id, in the order in which they were made.
        index_lag: Seconds after which a new record is found by a search.
        doi_prefix: Prefix of the DOIs that it gives; empty: it gives none.
    """

    records: dict[str, Record] = field(default_factory=dict)
    communities: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepted: dict[str, list[str]] = field(default_factory=dict)
    index_lag: float = 0.0
    doi_prefix: str = ""

    def create(self, payload: Any) -> Answer:
        try:
            metadata, access, complaints = taken(payload)
        except InvalidValueError as error:
            return 400, failure(400, f"Invalid value {error}.")
        enabled = (payload.get("files") or {}).get("enabled", True)
        made = Record(_name(), _name(), 1, "1", metadata, access, enabled)
        self.records[made.id] = made
        return 201, self._shown(made, draft=True, complaints=complaints)

    def read(self, record: str) -> Answer:
        found = self.records.get(record)
        if found is None or found.published is None:
            return NOT_FOUND
        body = self._shown(found, draft=False)
        for key, entry in body["files"]["entries"].items():
            entry["links"] = file_links(found.id, key, draft=False)
        return 200, body

    def read_draft(self, record: str) -> Answer:
        found = self._draft(record)
        return (200, self._shown(found, draft=True)) if found else NOT_FOUND

    def put(self, record: str, payload: Any) -> Answer:
        found = self._draft(record)
        if found is None:
            return NOT_FOUND
        try:
            found.metadata, found.access, complaints = taken(payload)
        except InvalidValueError as error:
            return 400, failure(400, f"Invalid value {error}.")
        found.enabled = (payload.get("files") or {}).get("enabled", True)
        found.revision += 2
        if found.enabled and not found.files:
            complaints.append({"field": "files.enabled", "messages": [_NO_FILES]})
        return 200, self._shown(found, draft=True, complaints=complaints)

    def delete_draft(self, record: str) -> Answer:
        found = self._draft(record)
        if found is None:
            return NOT_FOUND
        found.is_draft = False
        if found.published is None:
            del self.records[record]
        else:
            found.metadata, found.access = found.published, found.published_access
        return 204, None

    def edit(self, record: str) -> Answer:
        found = self.records.get(record)
        if found is None or found.published is None:
            return NOT_FOUND
        found.is_draft = True
        return 201, self._shown(found, draft=True)

    def versions(self, record: str) -> Answer:
        found = self.records.get(record)
        if found is None or found.published is None:
            return NOT_FOUND
        drafts = [r for r in self._of(found.parent) if r.published is None]
        if drafts:
            return 201, self._shown(drafts[0], draft=True, titles=False)
        metadata = {k: v for k, v in found.published.items() if k != "version"}
        index = max(r.index for r in self._of(found.parent)) + 1
        made = Record(
            _name(), found.parent, index, found.owner, copy.deepcopy(metadata),
            copy.deepcopy(found.published_access), found.enabled, status="new_version_draft",
        )  # fmt: skip
        self.records[made.id] = made
        return 201, self._shown(made, draft=True)

    def latest(self, record: str) -> Answer:
        found = self.records.get(record)
        if found is None or found.published is None:
            return NOT_FOUND
        location = f"{HOST}/api/records/{self._latest(found.parent).id}"
        return 301, {"status": 301, "message": "Redirecting...", "location": location}

    def list_files(self, record: str) -> Answer:
        found = self.records.get(record)
        if found is None or found.published is None:
            return NOT_FOUND
        return 200, found.listing(draft=False)

    def list_draft_files(self, record: str) -> Answer:
        found = self._draft(record)
        return (200, found.listing(draft=True)) if found else NOT_FOUND

    def begin_files(self, record: str, payload: Any) -> Answer:
        found = self._draft(record)
        if found is None:
            return NOT_FOUND
        if found.published is not None:
            return 403, failure(403, "Bucket is locked for modifications.")
        for each in payload:
            if each["key"] in found.files:
                return 400, failure(400, f"File with key {each['key']} already exists.")
        for each in payload:
            found.files[each["key"]] = File(each["key"])
        return 201, found.listing(draft=True)

    def upload(self, record: str, key: str, content: bytes) -> Answer:
        found = self._draft(record)
        if found is None or key not in found.files:
            return NOT_FOUND
        if found.published is not None:
            return 403, failure(403, "Bucket is locked for modifications.")
        file = found.files[key]
        if file.content is not None:
            return 400, failure(400, f'File with key "{key}" is already committed.')
        file.content = content
        return 200, file.entry(found.id, found.bucket, draft=True, fresh=True)

    def commit(self, record: str, key: str) -> Answer:
        found = self._draft(record)
        if found is None or key not in found.files:
            return NOT_FOUND
        file = found.files[key]
        if file.content is None or file.complete:
            return 400, failure(400, f"File with key {key} cannot be committed.")
        file.complete, file.updated = True, now()
        return 200, file.entry(found.id, found.bucket, draft=True, fresh=True)

    def delete_file(self, record: str, key: str) -> Answer:
        found = self._draft(record)
        if found is None or key not in found.files:
            return NOT_FOUND
        if found.published is not None:
            return 403, failure(403, "Bucket is locked for modifications.")
        del found.files[key]
        return 204, None

    def import_files(self, record: str) -> Answer:
        found = self._draft(record)
        if found is None:
            return NOT_FOUND
        if found.files:
            return wrong("files.enabled", "Please remove all files first.")
        before = self._latest(found.parent)
        found.files = {key: file.linked() for key, file in before.files.items()}
        return 201, found.listing(draft=True)

    def publish(self, record: str) -> Answer:
        found = self._draft(record)
        if found is None:
            return NOT_FOUND
        if errors := missing(found.metadata):
            return invalid(*errors)
        if found.enabled and not found.files:
            return wrong("files.enabled", _NO_FILES)
        if any(not file.complete for file in found.files.values()):
            return wrong(
                "files", "One or more files have not completed their transfer, please wait."
            )
        self.make_public(found)
        return 202, self._shown(found, draft=False)

    def make_public(self, found: Record) -> None:
        """Make a draft a published record."""
        found.published, found.published_access = found.metadata, found.access
        found.is_draft, found.status = False, "published"
        found.published_times += 1
        oai = {"identifier": f"oai:oai:invenio-app-rdm.org::{found.id}", "provider": "oai"}
        found.pids = {"oai": oai}
        if self.doi_prefix:
            found.pids["doi"] = _doi(self.doi_prefix, found.id)

    def search(self, wanted: str, owner: str) -> Answer:
        """Return what its owner has that bears an identifier, the newest first."""
        old = time.monotonic() - self.index_lag
        hits = [
            self._shown(each, draft=each.published is None)
            for each in reversed(self.records.values())
            if each.owner == owner and each.since <= old and wanted in str(each.metadata)
            and (each.published is None or each is self._latest(each.parent))
        ]  # fmt: skip
        return 200, {"hits": {"hits": hits, "total": len(hits)}, "sortBy": "newest", "links": {}}

    def create_community(self, payload: Any) -> Answer:
        body = like("create community")
        body |= {"id": str(uuid4()), "created": now(), "updated": now(), "slug": payload["slug"]}
        body["metadata"] = payload["metadata"]
        body["access"] |= payload["access"]
        self.communities[body["id"]] = body
        return 201, body

    def community(self, name: str) -> Answer:
        found = [c for c in self.communities.values() if name in (c["id"], c["slug"])]
        return (200, found[0]) if found else NOT_FOUND

    def set_review(self, record: str, payload: Any) -> Answer:
        found = self._draft(record)
        community = payload["receiver"]["community"]
        if found is None or community not in self.communities:
            return NOT_FOUND
        if found.index > 1 or found.published is not None:
            words = "You cannot create a review for a new version of a published record."
            return 400, failure(400, words)
        if found.review is not None and found.review["is_open"]:
            return 400, failure(400, "An open review cannot be deleted.")
        body = like("put review")
        body |= {
            "id": str(uuid4()), "created": now(), "updated": now(),
            "receiver": {"community": community}, "topic": {"record": record},
        }  # fmt: skip
        found.review, found.status = body, "draft_with_review"
        return 200, body

    def submit_review(self, record: str, _words: Any = None) -> Answer:
        found = self._draft(record)
        if found is None or found.review is None:
            return NOT_FOUND
        if errors := missing(found.metadata):
            return invalid(*errors)
        if not found.files or any(not file.complete for file in found.files.values()):
            return wrong("files", "One or more files have not completed their transfer.")
        community = found.review["receiver"]["community"]
        accepted = self.communities[community]["access"]["review_policy"] == "open"
        body = like("submit-review") if accepted else {}
        found.review = {**found.review, **body, **{
            key: found.review[key] for key in ("id", "created", "receiver", "topic")
        }}  # fmt: skip
        found.review |= {"title": found.metadata["title"]}
        if accepted:
            self.review_ended(found, accepted=True)
        else:
            found.review |= {"status": "submitted", "is_open": True}
            found.status = "in_review"
        return 202, found.review

    def review_ended(self, found: Record, *, accepted: bool) -> None:
        """Say the reviewers' word."""
        assert found.review is not None
        status = "accepted" if accepted else "declined"
        found.review |= {"status": status, "is_open": False, "is_closed": True}
        if accepted:
            self.accepted[found.parent] = [found.review["receiver"]["community"]]
            self.make_public(found)
        else:
            found.status = "declined"

    def _draft(self, record: str) -> Record | None:
        found = self.records.get(record)
        return found if found is not None and found.is_draft else None

    def _of(self, parent: str) -> list[Record]:
        return [each for each in self.records.values() if each.parent == parent]

    def _latest(self, parent: str) -> Record:
        return max((r for r in self._of(parent) if r.published is not None), key=lambda r: r.index)

    def _shown(
        self,
        found: Record,
        *,
        draft: bool,
        titles: bool = True,
        complaints: list[Any] | None = None,
    ) -> dict[str, Any]:
        versions = self._of(found.parent)
        newest = max(versions, key=lambda r: r.index)
        latest = found.published is not None and found is self._latest(found.parent)
        doi = {"doi": _doi(self.doi_prefix, found.parent)} if self.doi_prefix and latest else {}
        body = found.body(
            draft=draft, latest=latest, latest_draft=found is newest, titles=titles,
            communities=self.accepted.get(found.parent, []), parent_pids=doi,
        )  # fmt: skip
        return {**body, "errors": complaints} if complaints else body


def _doi(prefix: str, name: str) -> dict[str, str]:
    return {"identifier": f"{prefix}/{name}", "provider": "datacite", "client": "datacite"}


def _name() -> str:
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return "-".join("".join(random.choices(letters, k=5)) for _ in range(2))
