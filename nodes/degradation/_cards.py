"""Making model cards: names, hashes, where and with what a model was trained."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from messages.model import JsonObject

ALGORITHM: Final = 1
"""Raised when the same data would give another model: part of every card's hash."""

_PACKAGES: Final = ("labmesh", "numpy", "polars", "scipy")
_DIGITS: Final = 12


def name_of(stem: str, recipe: JsonObject) -> str:
    """Return ``stem@hash``, the hash being of what decides how the model predicts.

    Of the recipe (data, features, prior), not of the trained numbers, whose last digits differ
    from one machine to the next.
    """
    words = json.dumps({**recipe, "algorithm": ALGORITHM}, sort_keys=True)
    return f"{stem}@{hashlib.sha256(words.encode()).hexdigest()[:_DIGITS]}"


def hardware() -> str:
    """Return the machine in words."""
    return f"{platform.machine()}, {os.cpu_count() or 1} cores, {platform.system()}"


def software() -> dict[str, str]:
    """Return versions of the packages whose numbers decide, and the commit of a checkout."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = _commit(Path(__file__).resolve().parents[2])
    if commit:
        found["commit"] = commit
    return found


def trained_here() -> dict[str, Any]:
    """Return what every card says of the training."""
    return {"hardware": hardware(), "software": software()}


def _commit(root: Path) -> str:
    """Return the commit that a checkout is at; empty where it is none or cannot be read."""
    try:
        git = root / ".git"
        if git.is_file():
            git = (root / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head
        reference = head.removeprefix("ref:").strip()
        common = git / "commondir"
        homes = [git, (git / common.read_text().strip()).resolve()] if common.exists() else [git]
        for home in homes:
            if (home / reference).exists():
                return (home / reference).read_text().strip()
            packed = home / "packed-refs"
            if packed.exists():
                for line in packed.read_text().splitlines():
                    if line.endswith(f" {reference}"):
                        return line.partition(" ")[0]
    except OSError:
        pass
    return ""
