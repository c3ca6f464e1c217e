"""What a person says of a campaign."""

from __future__ import annotations

from pathlib import Path

from labmesh.crate import CrateDescription, read_description


def described(path: Path | None) -> CrateDescription:
    """Return what a person says of a campaign; nothing where no file is named.

    Raises:
        ConfigurationError: With file and line.
    """
    return CrateDescription() if path is None else read_description(path)
