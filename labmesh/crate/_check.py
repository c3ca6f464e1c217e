"""Checking a crate."""

from __future__ import annotations

from pathlib import Path

from labmesh.crate._types import Finding, Tell, silent


def check_crate(path: Path, *, shapes: bool = True, tell: Tell = silent) -> tuple[Finding, ...]:
    """Return what is wrong with the crate at ``path``, a folder or ``.eln`` file.

    Hashes of all files, the chain of hashes inside segments and across them, that what is described
    is there and what is there is described, that the tables say what the ledger's entries say, and
    the shapes.

    Args:
        path: Where it is.
        shapes: Whether to check the graph against the shapes, the slowest part.
        tell: Told of the progress.

    Raises:
        ConfigurationError: There is no crate at that path.
    """
    raise NotImplementedError
