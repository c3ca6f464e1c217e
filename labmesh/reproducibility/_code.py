"""Which code is running: package, version, commit."""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from messages.reproducibility import Code

_OURS: Final = ("labmesh", "messages", "nodes")
_INSTALLED: Final = {"site-packages", "dist-packages"}


def versions(*packages: str) -> dict[str, str]:
    """Return Python's version and those of the packages that are installed."""
    found = {"python": platform.python_version()}
    found |= {name: told for name in packages if (told := _version(name))}
    return found


def code_of(module: str, *packages: str) -> Code:
    """Return which code a module is of.

    Args:
        module: Its dotted name; the package is that of its first part.
        packages: More packages whose versions decide.
    """
    top = module.partition(".")[0]
    name = "labmesh" if top in _OURS else top
    return Code(
        package=name,
        version=_version(name),
        commit=_commit_of(top),
        packages=versions(*packages),
    )


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def _commit_of(top: str) -> str:
    """Return the commit of a package: of its checkout, or as its installer noted it (PEP 610)."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # a script's __main__ has none
        spec = None
    if spec is not None and spec.origin:
        place = Path(spec.origin).resolve().parent
        # What is installed below a checkout (its .venv) is no part of it.
        for folder in () if _INSTALLED & set(place.parts) else (place, *place.parents):
            if (folder / ".git").exists():
                return _checked_out(folder)
    try:
        found = distribution("labmesh" if top in _OURS else top)
    except PackageNotFoundError:
        return ""
    return _installed(found)


def _installed(found: Distribution) -> str:
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
        return str(told.get("vcs_info", {}).get("commit_id", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _checked_out(root: Path) -> str:
    """Return the commit that a checkout is at; empty where it cannot be read."""
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
