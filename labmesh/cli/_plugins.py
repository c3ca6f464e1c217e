"""Commands that other packages add, found without importing them.

The entry points are read from the installed packages' files: ``importlib.metadata`` would cost
more than all the rest of ``labmesh --help``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from labmesh.cli._verbs import Lazy

GROUP: Final = "labmesh.commands"
"""Entry point group: the verb, and ``module:attribute`` of a click command."""

_HEAD: Final = 2000
"""Bytes of a module in which its docstring's first line stands."""


def plugins() -> dict[str, Lazy]:
    """Return the commands of installed packages by verb."""
    return {name: Lazy(home, _line(home)) for name, home in sorted(_entry_points())}


def _entry_points() -> Iterator[tuple[str, str]]:
    for folder in dict.fromkeys(sys.path):
        here = Path(folder or ".")
        for pattern in ("*.dist-info/entry_points.txt", "*.egg-info/entry_points.txt"):
            try:
                files = list(here.glob(pattern))
            except OSError:
                continue
            for file in files:
                yield from _of(file)


def _of(file: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if f"[{GROUP}]" not in text:
        return
    section = text.split(f"[{GROUP}]", 1)[1].split("\n[", 1)[0]
    for line in section.splitlines():
        name, equals, home = line.partition("=")
        if equals and ":" in home:
            yield name.strip(), home.strip()


def _line(home: str) -> str:
    """Return the first line of a module's docstring, without importing it; empty where unknown."""
    module = home.partition(":")[0].replace(".", "/")
    for folder in (Path(__file__).parents[2], *map(Path, dict.fromkeys(sys.path))):
        for file in (folder / f"{module}.py", folder / module / "__init__.py"):
            try:
                with file.open(encoding="utf-8") as source:
                    head = source.read(_HEAD)
            except (OSError, UnicodeDecodeError):
                continue
            found = re.match(r"\s*(?:#.*\n)*(\"{3}|'{3})(.*?)(?:\1|\n)", head)
            if found is None:
                return ""
            # The module of a verb says its name first: ``labmesh cycler``: what it does.
            return re.sub(r"^``labmesh [^`]*``: *(\w)", lambda m: m[1].upper(), found[2].strip())
    return ""
