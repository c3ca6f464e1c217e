"""Which software a node is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version(node: type) -> str:
    """Return ``package version`` of the distribution a node class comes from."""
    package = node.__module__.partition(".")[0]
    name = "labmesh" if package in ("nodes", "labmesh", "messages") else package
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} (not installed)"
