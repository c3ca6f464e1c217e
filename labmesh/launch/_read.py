"""Reads evaluated values of the kinds that keys declare; every mistake is reported in its place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmesh.launch._document import Map, Scalar, Value, plain_value
from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._substitute import POISON, Scope, as_bool, as_text, evaluate

Where = dict[tuple[str | int, ...], Position]
"""Where each key of a structure stands, by its path."""


@dataclass(slots=True)
class Reader:
    """Reads values in a scope. A value that is absent or wrong reads as None (wrong: reported)."""

    scope: Scope
    problems: Problems

    def any(self, value: Value | None) -> Any:
        """Return plain data of any shape; `POISON` stands for what failed, at any depth."""
        if value is None:
            return None
        if isinstance(value, Scalar):
            if value.template is None:
                return value.value
            return evaluate(value.template, self.scope, value.at, self.problems)
        if isinstance(value, Map):
            return {entry.key: self.any(entry.value) for entry in value.entries}
        return [self.any(item) for item in value.items]

    def scalar(self, value: Value | None, what: str) -> Any:
        """Return a scalar, `POISON` when its evaluation failed."""
        if value is None:
            return None
        if not isinstance(value, Scalar):
            return self._wrong(value, f"{what} is not a single value")
        return self.any(value)

    def text(self, value: Value | None, what: str, choices: tuple[str, ...] = ()) -> str | None:
        """Return a text; numbers and booleans are taken as written. Empty reads as absent."""
        found = self.scalar(value, what)
        if value is None or found is None or found is POISON:
            return None
        text = as_text(found)
        if choices and text not in choices:
            self.problems.add(
                value.position, f"{what} cannot be {text!r}", did_you_mean(text, choices)
            )
            return None
        return text or None

    def integer(self, value: Value | None, what: str, *, least: int = 0) -> int | None:
        """Return an integer of at least ``least``."""
        found = self._number(value, what)
        if found is None or value is None:
            return None
        if isinstance(found, float) or found < least:
            self._report(value, f"{what} is not an integer of at least {least}: {found!r}")
            return None
        return found

    def number(self, value: Value | None, what: str) -> float | None:
        """Return a number that is not negative."""
        found = self._number(value, what)
        if found is None or value is None:
            return None
        if found < 0:
            self._report(value, f"{what} is negative: {found!r}")
            return None
        return float(found)

    def boolean(self, value: Value | None, what: str) -> bool | None:
        """Return a truth."""
        found = self.scalar(value, what)
        if value is None or found is None or found is POISON:
            return None
        truth = as_bool(found)
        if truth is None:
            self._report(value, f"{what} is neither true nor false: {found!r}")
            return None
        return truth

    def values(self, value: Value | None, what: str) -> tuple[dict[str, Any], Where]:
        """Return a map and where each of its keys stands."""
        if value is None or (isinstance(value, Scalar) and value.value is None):
            return {}, {}
        if not isinstance(value, Map):
            self._report(value, f"{what} is not a map of name: value")
            return {}, {}
        where: Where = {}
        positions(value, (), where)
        found: dict[str, Any] = self.any(value)
        return found, where

    def texts(self, value: Value | None, what: str) -> dict[str, str]:
        """Return a map of texts."""
        found, where = self.values(value, what)
        texts: dict[str, str] = {}
        for name, item in found.items():
            if isinstance(item, dict | list):
                self.problems.add(where[(name,)], f"{what} {name} is not a single value")
            elif item is not POISON:
                texts[name] = as_text(item)
        return texts

    def path(self, value: Value | None, what: str, *, secret: bool = False) -> Path | None:
        """Return an existing file's absolute path; relative ones start at this launch file.

        One that is ``secret`` is not among the files of this launch, and may be a folder of such.
        """
        text = self.text(value, what)
        if value is None or text is None:
            return None
        path = Path(os.path.abspath(self.scope.folder / text))  # noqa: PTH100 - resolve() may raise
        if not self.scope.world.allows(path):
            self._report(value, f"{what} is outside the folder of this launch: {text}")
            return None
        if os.path.isfile(path):  # noqa: PTH113 - is_file() raises on a name that is too long
            if not secret:
                self.scope.world.files.append(path)
            return path
        if secret and os.path.isdir(path):  # noqa: PTH112 - as above
            return path
        self._report(value, f"{what} not found: {text}", f"looked for {path}")
        return None

    def _number(self, value: Value | None, what: str) -> int | float | None:
        found = self.scalar(value, what)
        if value is None or found is None or found is POISON:
            return None
        if isinstance(found, str) and isinstance(value, Scalar) and value.template is not None:
            found = plain_value(found)
        if isinstance(found, bool) or not isinstance(found, int | float):
            self._report(value, f"{what} is not a number: {found!r}")
            return None
        return found

    def _wrong(self, value: Value, what: str) -> Any:
        self.problems.add(value.position, what)
        return POISON

    def _report(self, value: Value, what: str, remedy: str = "") -> None:
        self.problems.add(value.position, what, remedy)


def positions(value: Value, path: tuple[str | int, ...], where: Where) -> None:
    """Note where every key and item below ``value`` stands."""
    if isinstance(value, Map):
        for entry in value.entries:
            where[(*path, entry.key)] = entry.position
            positions(entry.value, (*path, entry.key), where)
    elif not isinstance(value, Scalar):
        for index, item in enumerate(value.items):
            where[(*path, index)] = item.position
            positions(item, (*path, index), where)


def without_poison(value: Any) -> tuple[Any, bool]:
    """Return ``value`` without what failed, and whether anything had."""
    if isinstance(value, dict):
        pairs = {name: without_poison(item) for name, item in value.items() if item is not POISON}
        lost = len(pairs) < len(value) or any(gone for _, gone in pairs.values())
        return {name: item for name, (item, _) in pairs.items()}, lost
    if isinstance(value, list):
        found = [without_poison(item) for item in value if item is not POISON]
        lost = len(found) < len(value) or any(gone for _, gone in found)
        return [item for item, _ in found], lost
    return value, False
