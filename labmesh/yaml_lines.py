"""A YAML file of a node as plain values, with the line of each, so that an error can point."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import yaml

from messages.errors import ConfigurationError

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of the document to a value."""

Lines: TypeAlias = dict[Place, int]
"""The line of each value, from 1."""


def read_yaml(path: Path, *, begin: str = "") -> tuple[dict[str, Any], Lines]:
    """Return the mapping in ``path``, and where its values stand.

    Args:
        path: The file.
        begin: The line with which such a file begins; said to whoever gives something else.

    Raises:
        ConfigurationError: There is no such file, it is not YAML, not a mapping, or a key comes
            twice; with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}", where=str(path), remedy="check its path"
        ) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: Lines = {}
        if root is not None:
            _walk(root, (), lines, path)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(
            f"not YAML: {reason}", where=f"{path}{line}",
            remedy="quote a text that begins with a special character, and mind the indentation",
        ) from error  # fmt: skip
    if not isinstance(value, dict):
        raise ConfigurationError(
            "not a mapping", where=f"{path}:1", remedy=f"begin it with {begin}" if begin else ""
        )
    return value, lines


def line_of(lines: Lines, place: Place) -> int:
    """Return the line of ``place``, or of the nearest value around it that is in the document."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def dotted(place: Place) -> str:
    """Return a place in words: ``steps.cycle.parameters.cells[0]``."""
    words = ""
    for part in place:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else str(part)
    return words


def _walk(node: yaml.Node, place: Place, lines: Lines, path: Path) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                raise ConfigurationError(
                    f"key {key.value!r} comes twice",
                    where=f"{path}:{key.start_mark.line + 1}",
                    remedy="leave one of them out",
                )
            lines[inner] = key.start_mark.line + 1
            _walk(child, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*place, index), lines, path)
