"""Records, drafts and files, and what they look like in answers."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.support.invenio._bodies import HOST, file_links, like
from tests.support.invenio._metadata import shown


def now() -> str:
    """Return the time as the server writes it."""
    return datetime.now(UTC).isoformat()


@dataclass
class File:
    """A file of a record. Its object is shared by the versions that link it."""

    key: str
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    content: bytes | None = None
    complete: bool = False
    file_id: str = field(default_factory=lambda: str(uuid4()))
    imported: bool = False

    @property
    def checksum(self) -> str:
        return f"md5:{hashlib.md5(self.content or b'', usedforsecurity=False).hexdigest()}"

    def linked(self) -> File:
        """Return the same content in another version."""
        return File(
            self.key, content=self.content, complete=True, file_id=self.file_id, imported=True
        )

    def entry(self, record: str, bucket: str, *, draft: bool, fresh: bool) -> dict[str, Any]:
        """Return it as lists of files have it; ``fresh``: as the answer to its own request."""
        common = {
            "created": self.created, "updated": self.updated, "access": {"hidden": False},
            "links": file_links(record, self.key, draft=draft), "key": self.key,
            "transfer": {"type": "L"},
        }  # fmt: skip
        if not self.complete:
            return {**common, "metadata": None, "status": "pending"}
        return {
            **common, "metadata": None if fresh else {}, "status": "completed",
            "mimetype": "application/json", "version_id": str(uuid4()), "file_id": self.file_id,
            "bucket_id": bucket, "checksum": self.checksum, "size": len(self.content or b""),
            "storage_class": "L",
        }  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return it as bodies of records have it."""
        return {
            "id": self.file_id, "checksum": self.checksum, "ext": self.key.rpartition(".")[2],
            "size": len(self.content or b""), "mimetype": "application/json",
            "storage_class": "L", "key": self.key, "metadata": {}, "access": {"hidden": False},
        }  # fmt: skip


@dataclass
class Record:
    """One version: a draft, a published record, or both (a published one that is edited)."""

    id: str
    parent: str
    index: int
    owner: str
    metadata: dict[str, Any]
    access: dict[str, Any]
    enabled: bool = True
    files: dict[str, File] = field(default_factory=dict)
    published: dict[str, Any] | None = None
    """Metadata as published; None while it is only a draft."""
    published_access: dict[str, Any] = field(default_factory=dict)
    is_draft: bool = True
    status: str = "draft"
    created: str = field(default_factory=now)
    since: float = field(default_factory=time.monotonic)
    bucket: str = field(default_factory=lambda: str(uuid4()))
    revision: int = 5
    review: dict[str, Any] | None = None
    published_times: int = 0
    pids: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> dict[str, File]:
        return {key: file for key, file in self.files.items() if file.complete}

    def body(
        self, *, draft: bool, latest: bool, latest_draft: bool, communities: list[str],
        parent_pids: dict[str, Any], titles: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """Return it as the server shows it."""
        step = (
            "publish"
            if not draft
            else "create draft"
            if self.published is None
            else "edit published"
        )
        found: dict[str, Any] = like(step, record=self.id, parent=self.parent)
        metadata = self.metadata if draft or self.published is None else self.published
        access = self.access if draft or self.published is None else self.published_access
        files = self.complete
        found |= {
            "metadata": shown(metadata) if titles else metadata,
            "access": {**access, "status": self._openness(access)},
            "created": self.created, "updated": now(), "revision_id": self.revision,
            "status": self.status if draft and self.published is None else "published",
            "pids": self.pids if not draft or self.published is not None else {},
            "versions": {"is_latest": latest, "is_latest_draft": latest_draft, "index": self.index},
            "files": {
                "enabled": self.enabled, "order": [], "count": len(files),
                "total_bytes": sum(len(f.content or b"") for f in files.values()),
                "entries": {key: file.summary() for key, file in files.items()},
            },
        }  # fmt: skip
        if communities:
            found["parent"]["communities"] = {"ids": communities, "default": communities[0]}
        found["parent"]["pids"] = parent_pids
        return found

    def listing(self, *, draft: bool, fresh: str = "") -> dict[str, Any]:
        """Return its files; ``fresh`` is the key of the one that the request was about."""
        base = f"{HOST}/api/records/{self.id}{'/draft' if draft else ''}/files"
        return {
            "enabled": self.enabled, "links": {"self": base, "archive": f"{base}-archive"},
            "entries": [
                file.entry(self.id, self.bucket, draft=draft, fresh=file.key == fresh)
                for file in self.files.values()
            ],
            "default_preview": None, "order": [],
        }  # fmt: skip

    def _openness(self, access: dict[str, Any]) -> str:
        if access["embargo"].get("active"):
            return "embargoed"
        if access["files"] == "restricted" or access["record"] == "restricted":
            return "restricted"
        return "open" if self.index > 1 or self.files else "metadata-only"
