"""YAML with positions: every value knows its file, line and column.

The scalars are those of YAML 1.2's core schema (``no`` is a text, ``1e-3`` a number), because
PyYAML's 1.1 rules surprise people who write units and country codes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from labmesh.launch._problem import Position, Problems
from labmesh.launch._template import Template, TemplateError, parse_template

MAX_VALUES: Final = 50_000
"""Most values in one file once its aliases are expanded; a defence against nested aliases."""

_STR: Final = "tag:yaml.org,2002:str"
_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT: Final = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value.

    Attributes:
        position: Where it begins.
        value: The value, unevaluated.
        template: Set when it is a text with substitutions or escapes.
        single: Whether it is written on one line.
        quote: Columns from ``position`` to its first character.
    """

    position: Position
    value: Any
    template: Template | None = None
    single: bool = True
    quote: int = 0

    def at(self, offset: int) -> Position:
        """Return where the character at ``offset`` of the value stands, as far as that is known."""
        if not self.single:
            return self.position
        shift = self.quote + offset
        return Position(self.position.file, self.position.line, self.position.column + shift)


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    position: Position
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a map, where it stands, and its value."""

    key: str
    position: Position
    value: Value


@dataclass(frozen=True, slots=True)
class Map:
    """A map with text keys in the order of the file."""

    position: Position
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Entry | None:
        """Return the entry of ``key``."""
        return next((entry for entry in self.entries if entry.key == key), None)


Value = Scalar | Items | Map


class _Loader(yaml.SafeLoader):
    """Composes only: no tag is resolved implicitly, so that we see what was written."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own attribute


def read_document(
    path: Path,
    shown: str,
    problems: Problems,
    *,
    substitutions: bool = True,
    named: Position | None = None,
) -> Value | None:
    """Return the one YAML document in ``path``, or None when it cannot be read at all.

    Args:
        path: The file.
        shown: How positions name it.
        problems: Takes syntax errors, duplicate keys, foreign tags, malformed substitutions.
        substitutions: Whether ``$(`` means anything in this file.
        named: Where the file is named, if in another.
    """
    text = read_text(path, shown, problems, named=named)
    if text is None:
        return None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.context_mark and "end of stream" in (error.problem or ""):
            mark = error.context_mark  # where it began tells more than the end of the file
        position = Position(shown, mark.line + 1, mark.column + 1) if mark else Position(shown)
        what = " ".join(filter(None, (error.problem, error.context)))
        problems.add(position, f"not valid YAML: {what}", "mind indentation, colons and quotes")
        return None
    except yaml.YAMLError as error:
        problems.add(Position(shown), f"not valid YAML: {str(error).splitlines()[0]}")
        return None
    if node is None:
        return Scalar(Position(shown, 1, 1), None)
    return _Converter(shown, problems, substitutions).convert(node)


def read_text(
    path: Path, shown: str, problems: Problems, *, named: Position | None = None
) -> str | None:
    """Return a file's text, None when it cannot be read; arguments as of `read_document`."""
    file = f"the file {shown}" if named else "the file"
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        problems.add(named or Position(shown), f"cannot read {file}: {error.strerror}")
    except UnicodeDecodeError as error:
        what = f"{file} is not UTF-8 (byte {error.start})"
        problems.add(named or Position(shown), what, "save it as UTF-8")
    return None


class _Converter:
    def __init__(self, shown: str, problems: Problems, substitutions: bool) -> None:
        self._substitutions = substitutions
        self._shown = shown
        self._problems = problems
        self._open: set[int] = set()
        self._count = 0

    def convert(self, node: yaml.Node) -> Value:
        position = Position(self._shown, node.start_mark.line + 1, node.start_mark.column + 1)
        self._count += 1
        if id(node) in self._open or self._count > MAX_VALUES:
            if self._count <= MAX_VALUES + 1:
                self._problems.add(position, "an alias contains itself, or aliases grow too large")
            return Scalar(position, None)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, position)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return Items(position, tuple(self.convert(child) for child in node.value))
            return self._map(node, position)
        finally:
            self._open.discard(id(node))

    def _map(self, node: yaml.Node, position: Position) -> Map:
        entries: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            at = Position(self._shown, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                self._problems.add(at, "a key must be a text")
                continue
            key = key_node.value
            if key == "<<" and key_node.style is None:
                self._problems.add(at, "merge keys are not supported", "use let or include")
                continue
            value = self.convert(value_node)
            if key in entries:
                first = entries[key].position.line
                self._problems.add(
                    at, f"duplicate key {key!r}, first given in line {first}", "keep one of them"
                )
                continue
            entries[key] = Entry(key, at, value)
        return Map(position, tuple(entries.values()))

    def _scalar(self, node: yaml.ScalarNode, position: Position) -> Scalar:
        if node.tag != _STR:
            self._problems.add(
                position, f"tag {node.tag!r} is not supported", "write the value plainly"
            )
            return Scalar(position, None)
        if "\0" in node.value:
            self._problems.add(position, "a text holds a null character", "take it out")
            return Scalar(position, None, Template((), broken=True))
        plain = node.style is None
        if "$" not in node.value or not self._substitutions:
            return Scalar(position, plain_value(node.value) if plain else node.value)
        single = node.start_mark.line == node.end_mark.line
        found = Scalar(position, node.value, None, single, 0 if plain else 1)
        try:
            return replace(found, template=parse_template(node.value))
        except TemplateError as error:
            self._problems.add(found.at(error.offset), error.what, error.remedy)
            return Scalar(position, None, Template((), broken=True))


def plain_value(text: str) -> Any:
    """Return what an unquoted ``text`` stands for in YAML 1.2's core schema."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
