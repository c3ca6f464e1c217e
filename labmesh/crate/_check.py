"""Checking a crate."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from labmesh.crate._check_chain import check_chain
from labmesh.crate._check_content import check_content
from labmesh.crate._check_described import Described, check_described
from labmesh.crate._check_shapes import check_shapes
from labmesh.crate._hashes import check_hashes
from labmesh.crate._types import METADATA, Finding, Tell, silent
from labmesh.crate._zip import opened_crate, zip_faults
from messages.errors import ConfigurationError, LabmeshError


def check_crate(path: Path, *, shapes: bool = True, tell: Tell = silent) -> tuple[Finding, ...]:
    """Return what is wrong with the crate at ``path``, a folder or ``.eln`` file.

    Hashes of all files, the chain of hashes inside segments and across them, that what is described
    is there and what is there is described, that the tables say what the ledger's entries say, and
    the shapes.

    Args:
        path: Where it is.
        shapes: Whether to check the graph against the shapes, the slowest part.
        tell: Told of the progress, in files and entries.

    Raises:
        ConfigurationError: There is no crate at that path.
    """
    if path.is_dir() and not (path / METADATA).is_file():
        raise ConfigurationError(
            f"there is no {METADATA}: this is no crate", where=str(path), remedy="check the path"
        )
    found = [] if path.is_dir() else [*zip_faults(path)]
    try:
        with opened_crate(path) as folder:
            return (*found, *_check(folder, shapes=shapes, tell=tell))
    except ConfigurationError:
        raise
    except LabmeshError as error:
        return tuple(found) or (Finding(path.name, error.what, "files"),)


def check_ledger(folder: Path, tell: Tell) -> list[Finding]:
    """Return what is wrong with the files and the ledger of a crate's folder."""
    described = Described(folder)
    return [
        *check_hashes(folder, described.hashes, tell),
        *check_chain(folder, described.head, tell),
    ]


def _check(folder: Path, *, shapes: bool, tell: Tell) -> list[Finding]:
    described = Described(folder)
    found = [*check_ledger(folder, tell), *check_described(folder, described)]
    if not any(each.check in ("hashes", "chain") for each in found):
        # Of what was tampered with these would only say the same again, in more words.
        campaign, hint = str(described.root.get("campaign")), _hint(described.written_by)
        content = check_content(folder, campaign, tell)
        found += [replace(each, what=f"{each.what}{hint}") for each in content]
        if shapes:
            found += check_shapes(folder)
    return found


def _hint(written_by: str) -> str:
    """Return what to consider where tables differ: another version may write them otherwise."""
    ours = version("labmesh")
    if written_by == ours:
        return ""
    return f" (written by Labmesh {written_by or 'unknown'}, compared by {ours})"
