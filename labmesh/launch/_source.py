"""Where things stand in a Python file: calls, their keywords, the items of their literals."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType
from typing import Any

from labmesh.launch._document import Entry, Items, Map, Scalar, Value
from labmesh.launch._problem import Position, Problems
from labmesh.launch._template import Template, TemplateError, parse_template

Place = tuple[Position, ast.expr | None]
"""A position, and what is written there where that is known."""


def place_of(frame: FrameType, shown: str, ours: Callable[[FrameType], bool]) -> Position:
    """Return where the innermost call in the launch file is under way, from ``frame`` outwards.

    A helper in another module may build entities: they stand where the launch file calls it.
    """
    at: FrameType | None = frame
    while at is not None and not ours(at):
        at = at.f_back
    if at is None:
        return Position(shown, 1, 1)
    steps = itertools.islice(at.f_code.co_positions(), at.f_lasti // 2, None)
    line, _, column, _ = next(steps, (None, None, None, None))
    return Position(shown, line or at.f_lineno, (column or 0) + 1)


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it is written."""

    place: Position
    keywords: Mapping[str, tuple[Position, Place]]
    first: Place | None

    def key(self, name: str, keyword: str) -> Position:
        """Return where a keyword stands; what was given by place stands where its value does."""
        if keyword in self.keywords:
            return self.keywords[keyword][0]
        return self.value(name)[0]

    def value(self, keyword: str) -> Place:
        """Return where the value of a keyword stands."""
        if keyword in self.keywords:
            return self.keywords[keyword][1]
        return self.first or (self.place, None)


class Source:
    """A Python file's text, in which calls are found again by their place."""

    def __init__(self, shown: str, text: str) -> None:
        self._shown = shown
        self._lines = text.splitlines()
        self._calls = {
            self._at(node): node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
        }

    def call_at(self, place: Position) -> Written:
        """Return the call that begins at ``place``, as far as it is known."""
        call = self._calls.get(place)
        if call is None:
            return Written(place, {}, None)
        keywords = {
            word.arg: (self._at(word), (self._at(word.value), word.value))
            for word in call.keywords
            if word.arg is not None
        }
        first = (self._at(call.args[0]), call.args[0]) if call.args else None
        return Written(place, keywords, first)

    def value(self, given: Any, place: Place, problems: Problems) -> Value:
        """Return plain data as the value that YAML would have given; ``$(`` means the same."""
        position, written = place
        if isinstance(given, str):
            return _text(given, position, problems)
        if given is None or isinstance(given, bool | int | float):
            return Scalar(position, given)
        if isinstance(given, PurePath):
            return Scalar(position, str(given))
        if isinstance(given, Mapping):
            keys = self._keys(written)
            return Map(
                position,
                tuple(
                    Entry(str(name), at[0], self.value(item, at[1], problems))
                    for name, item in given.items()
                    for at in [keys.get(str(name), (position, (position, None)))]
                ),
            )
        if isinstance(given, list | tuple | set | frozenset):
            whole = isinstance(written, ast.List | ast.Tuple) and len(written.elts) == len(given)
            parts = written.elts if whole and isinstance(written, ast.List | ast.Tuple) else ()
            places: list[Place] = [(self._at(part), part) for part in parts]
            places = places or [(position, None)] * len(given)
            items = zip(given, places, strict=True)
            return Items(position, tuple(self.value(item, at, problems) for item, at in items))
        problems.add(position, f"{type(given).__name__} is no plain data: {given!r}"[:200])
        return Scalar(position, None, Template((), broken=True))

    def _keys(self, written: ast.expr | None) -> dict[str, tuple[Position, Place]]:
        """Return where the keys of a literal map, and their values, stand."""
        if isinstance(written, ast.Dict):
            return {
                str(key.value): (self._at(key), (self._at(item), item))
                for key, item in zip(written.keys, written.values, strict=True)
                if isinstance(key, ast.Constant)
            }
        if isinstance(written, ast.Call):
            return {
                word.arg: (self._at(word), (self._at(word.value), word.value))
                for word in written.keywords
                if word.arg is not None
            }
        return {}

    def _at(self, node: ast.expr | ast.keyword) -> Position:
        line = self._lines[node.lineno - 1] if node.lineno <= len(self._lines) else ""
        # Python counts bytes.
        column = len(line.encode()[: node.col_offset].decode(errors="replace"))
        return Position(self._shown, node.lineno, column + 1)


def _text(text: str, position: Position, problems: Problems) -> Scalar:
    if "\0" in text:
        problems.add(position, "a text holds a null character", "take it out")
        return Scalar(position, None, Template((), broken=True))
    if "$" not in text:
        return Scalar(position, text)
    try:
        return Scalar(position, text, parse_template(text), single=False)
    except TemplateError as error:
        problems.add(position, error.what, error.remedy)
        return Scalar(position, None, Template((), broken=True))
