"""Evaluates substitutions in a scope."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._template import Call, Template

POISON: Final = object()
"""Stands for a value whose evaluation failed and was reported; it spreads without more reports."""


@dataclass(frozen=True, slots=True)
class World:
    """What a launch file can see outside itself; tests pass their own.

    Attributes:
        now: The start of this launch, UTC.
        suffix: The suffix of anonymous names, valid inside a name.
        environment: The environment variables of the launcher.
        cwd: Where the launcher was started.
        root: When given, no file outside this folder (absolute, without symbolic links) is read.
        files: Takes every file that was read, the launch file first.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    suffix: str = field(default_factory=lambda: secrets.token_hex(4))
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = field(default_factory=Path.cwd)
    root: Path | None = None
    files: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """What an action sees: the variables, environment and site at its place in the file."""

    world: World
    folder: Path
    site: str
    own_site: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def child(self) -> Scope:
        """Return a scope that sees this one's content but cannot change it."""
        return Scope(
            self.world,
            self.folder,
            self.site,
            self.own_site,
            dict(self.variables),
            dict(self.environment),
        )


def as_text(value: Any) -> str:
    """Return ``value`` as it reads within a text: booleans and null as YAML writes them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_bool(value: Any) -> bool | None:
    """Return the truth of ``true``, ``false`` (also as texts), 1 and 0; None for others."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False, "": False}.get(
        as_text(value).strip().lower()
    )


def evaluate(
    template: Template, scope: Scope, at: Callable[[int], Position], problems: Problems
) -> Any:
    """Return what ``template`` stands for; a lone substitution keeps its value's type.

    Args:
        template: A text with substitutions.
        scope: What it sees.
        at: Where the character at an offset of the text stands.
        problems: Takes what is undefined.
    """
    return POISON if template.broken else _Evaluation(scope, at, problems).template(template)


@dataclass(slots=True)
class _Evaluation:
    scope: Scope
    at: Callable[[int], Position]
    problems: Problems
    offset: int = 0

    def template(self, template: Template) -> Any:
        if len(template.parts) == 1 and isinstance(template.parts[0], Call):
            return self.call(template.parts[0])
        parts = [p if isinstance(p, str) else self.call(p) for p in template.parts]
        return POISON if POISON in parts else "".join(map(as_text, parts))

    def fail(self, what: str, remedy: str = "") -> Any:
        self.problems.add(self.at(self.offset), what, remedy)
        return POISON

    def call(self, call: Call) -> Any:
        if call.name == "if":
            return self._if(call)
        arguments = [self.template(argument) for argument in call.arguments]
        self.offset = call.offset
        if POISON in arguments:
            return POISON
        if call.name in ("not", "and", "or"):
            return self._logic(call.name, arguments)
        match call.name, arguments:
            case "var", [name]:
                return self._variable(as_text(name))
            case "env", [name, *default]:
                return self._environment(as_text(name), default)
            case "dirname", []:
                return str(self.scope.folder)
            case "anon", [name]:
                return f"{as_text(name)}-{self.scope.world.suffix}"
            case "find-file", [name]:
                return self._find(as_text(name))
            case "equals", [left, right]:
                return _equal(left, right)
            case "not-equals", [left, right]:
                return not _equal(left, right)
        return self.scope.world.now.strftime("%Y%m%d-%H%M%S")

    def _if(self, call: Call) -> Any:
        value = self.template(call.arguments[0])
        self.offset = call.offset
        condition = self._bool(value)
        if condition is POISON:
            return POISON
        branch = call.arguments[1:2] if condition else call.arguments[2:3]
        return self.template(branch[0]) if branch else ""

    def _logic(self, name: str, arguments: list[Any]) -> Any:
        truths = [self._bool(argument) for argument in arguments]
        if POISON in truths:
            return POISON
        if name == "not":
            return not truths[0]
        return all(truths) if name == "and" else any(truths)

    def _bool(self, value: Any) -> Any:
        if value is POISON:
            return POISON
        truth = as_bool(value)
        if truth is None:
            return self.fail(f"{value!r} is neither true nor false")
        return truth

    def _variable(self, name: str) -> Any:
        if name in self.scope.variables:
            return self.scope.variables[name]
        remedy = did_you_mean(name, self.scope.variables) or "declare it with arg or let before"
        return self.fail(f"undefined variable {name!r}", remedy)

    def _environment(self, name: str, default: list[Any]) -> Any:
        for source in (self.scope.environment, self.scope.world.environment):
            if name in source:
                return source[name]
        if default:
            return default[0]
        return self.fail(
            f"environment variable {name!r} is not set",
            f"set it, or give a default: $(env {name} value)",
        )

    def _find(self, name: str) -> Any:
        for folder in (self.scope.folder, self.scope.world.cwd):
            path = folder / name
            if os.path.isfile(path):  # noqa: PTH113 - is_file() raises on a name that is too long
                return os.path.abspath(path)  # noqa: PTH100 - links stay as they are named
        return self.fail(f"no file {name!r}", f"sought in {self.scope.folder} and where you are")


def _equal(left: Any, right: Any) -> bool:
    """Compare as numbers where both are, else as texts."""
    try:
        return float(as_text(left)) == float(as_text(right))
    except ValueError:
        return as_text(left) == as_text(right)
