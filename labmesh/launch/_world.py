"""What a launch file can see outside itself."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class World:
    """What a launch file can see outside itself; tests pass their own.

    Attributes:
        now: The start of this launch, UTC.
        suffix: The suffix of anonymous names, valid inside a name.
        environment: The environment variables of the launcher.
        cwd: Where the launcher was started.
        root: When given, no file outside this folder (absolute, without symbolic links) is read.
        files: Takes every file that was read, the launch file first.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    suffix: str = field(default_factory=lambda: secrets.token_hex(4))
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = field(default_factory=Path.cwd)
    root: Path | None = None
    files: list[Path] = field(default_factory=list)

    def allows(self, path: Path) -> bool:
        """Tell whether the file at ``path`` may be read."""
        return self.root is None or Path(os.path.realpath(path)).is_relative_to(self.root)
