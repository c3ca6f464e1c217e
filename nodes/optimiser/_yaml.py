"""YAML with the line of every key, so that an error can point."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import yaml

from messages.errors import ConfigurationError

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of the document to a value."""


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return the mapping in ``path`` and the line (from 1) of each value.

    Raises:
        ConfigurationError: There is no such file, it is not YAML, not a mapping, or a key comes
            twice; with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(f"not YAML: {reason}", where=f"{path}{line}") from error
    if not isinstance(value, dict) or root is None:
        raise ConfigurationError("not a mapping", where=f"{path}:1")
    lines: dict[Place, int] = {}
    _walk(root, (), lines, path)
    return value, lines


def line_of(lines: dict[Place, int], place: Place) -> int:
    """Return the line of ``place``, or of the nearest value around it that is in the document."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                raise ConfigurationError(
                    f"key {key.value!r} comes twice", where=f"{path}:{key.start_mark.line + 1}"
                )
            lines[inner] = key.start_mark.line + 1
            _walk(child, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*place, index), lines, path)
