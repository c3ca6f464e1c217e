"""How much room artifacts may take: what an operator allows, and what the disk has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from messages.errors import ArtifactError


class Bounds(Protocol):
    """What an operator allows; read whenever it matters, so that a change counts at once."""

    @property
    def artifact_rate(self) -> float:
        """Bytes a second, 0 for no bound."""
        ...

    @property
    def artifact_limit(self) -> int:
        """Bytes of the largest artifact."""
        ...

    @property
    def artifact_quota(self) -> int:
        """Bytes of all artifacts, 0 for no bound."""
        ...

    @property
    def artifact_reserve(self) -> int:
        """Bytes of the disk that are left to the ledger."""
        ...


class NoRoomError(ArtifactError):
    """The disk or the quota is full."""


class Room:
    """Counts what is held and what is coming.

    Args:
        folder: The ledger's own artifacts.
        bounds: The operator's.
    """

    def __init__(self, folder: Path, bounds: Callable[[], Bounds]) -> None:
        self._folder = folder
        self._bounds = bounds
        self._coming: dict[str, int] = {}
        self.held = 0
        """Bytes in the folder."""

    @contextmanager
    def keep(self, sha256: str, size: int) -> Iterator[None]:
        """Keep room for an artifact while it is fetched.

        Raises:
            NoRoomError: There is none at present.
            ArtifactError: It is larger than one may be.
        """
        bounds = self._bounds()
        if size > bounds.artifact_limit:
            raise ArtifactError(
                f"it has {size} bytes, more than artifact_limit, {bounds.artifact_limit}",
                where=sha256,
                remedy="raise the parameter artifact_limit of the broker node",
            )
        coming = sum(self._coming.values()) + size
        if bounds.artifact_quota and self.held + coming > bounds.artifact_quota:
            raise NoRoomError(
                f"{self.held} bytes are held, {coming} more would exceed artifact_quota, "
                f"{bounds.artifact_quota}"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if free - coming < bounds.artifact_reserve:
            raise NoRoomError(
                f"the disk has {free} bytes free; {coming} more would leave less than "
                f"artifact_reserve, {bounds.artifact_reserve}"
            )
        self._coming[sha256] = size
        try:
            yield
        finally:
            del self._coming[sha256]
