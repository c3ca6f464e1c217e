"""Evaluates substitutions in a scope."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from labmesh.launch._inherited import Inherited
from labmesh.launch._outside import COMMAND_SECONDS, OutsideError, content_of, output_of
from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._template import Call, Template
from labmesh.launch._world import World

POISON: Final = object()
"""Stands for a value whose evaluation failed and was reported; it spreads without more reports."""


@dataclass(slots=True)
class Scope:
    """What an action sees: variables, environment, parameters and site at its place in the file."""

    world: World
    folder: Path
    site: str
    own_site: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Inherited] = field(default_factory=dict)

    def child(self) -> Scope:
        """Return a scope that sees this one's content but cannot change it."""
        return Scope(
            self.world,
            self.folder,
            self.site,
            self.own_site,
            dict(self.variables),
            dict(self.environment),
            dict(self.parameters),
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
            case "file", [name]:
                return self._outside(
                    lambda: content_of(
                        as_text(name), folder=self.scope.folder, world=self.scope.world
                    )
                )
            case "command", [command, *seconds]:
                return self._command(as_text(command), seconds)
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

    def _outside(self, look: Callable[[], str]) -> Any:
        try:
            return look()
        except OutsideError as error:
            return self.fail(error.what, error.remedy)

    def _command(self, command: str, seconds: list[Any]) -> Any:
        try:
            limit = float(as_text(seconds[0])) if seconds else COMMAND_SECONDS
        except ValueError:
            limit = 0.0
        if not 0 < limit <= 3600:
            return self.fail(f"{as_text(seconds[0])!r} is not a number of seconds up to 3600")
        return self._outside(
            lambda: output_of(
                command,
                limit,
                folder=self.scope.folder,
                environment=self.scope.environment,
                world=self.scope.world,
            )
        )

    def _find(self, name: str) -> Any:
        for folder in (self.scope.folder, self.scope.world.cwd):
            path = folder / name
            if self.scope.world.allows(path) and os.path.isfile(path):  # noqa: PTH113 - is_file() raises on a name that is too long
                return os.path.abspath(path)  # noqa: PTH100 - links stay as they are named
        return self.fail(f"no file {name!r}", f"sought in {self.scope.folder} and where you are")


def _equal(left: Any, right: Any) -> bool:
    """Compare as numbers where both are, else as texts."""
    try:
        return float(as_text(left)) == float(as_text(right))
    except ValueError:
        return as_text(left) == as_text(right)
