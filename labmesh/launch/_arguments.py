"""Arguments of a launch file: declared, given, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labmesh.launch._document import Items, Scalar, plain_value
from labmesh.launch._entities import ARGUMENT_TYPES, Arg
from labmesh.launch._plan import Argument
from labmesh.launch._problem import COMMAND_LINE, Position, Problems, did_you_mean
from labmesh.launch._read import Reader
from labmesh.launch._substitute import POISON, as_bool, as_text

_WRONG = object()


def declare_argument(
    entity: Arg,
    reader: Reader,
    *,
    given: Mapping[str, Any],
    where: Mapping[str, Position],
    caller: Position,
    known: Mapping[str, Argument],
) -> Argument | None:
    """Return the argument with the value it has here, `POISON` when that is wrong or missing.

    Args:
        entity: The declaration.
        reader: Reads it in its scope.
        given: The values given to this file.
        where: Where each was given; else on the command line.
        caller: Where a value that is missing should have been given.
        known: The arguments declared before.
    """
    problems = reader.problems
    name = reader.text(entity.name, "name")
    if name is None:
        return None
    if name in known:
        problems.add(
            entity.name.position,
            f"argument {name!r} is declared twice, first in line {known[name].position.line}",
        )
        return known[name]
    default = reader.any(entity.default)
    kind = reader.text(entity.type, "type", ARGUMENT_TYPES) or _kind_of(default)
    choices = _choices(entity, reader, kind)
    if default not in (None, POISON) and entity.default is not None:
        default = _checked(
            default, name, kind, choices, at=entity.default.position, problems=problems
        )
    if name in given:
        value = given[name]
        if value is not POISON and not (value is None and entity.default is not None):
            at = where.get(name, COMMAND_LINE)
            value = _checked(value, name, kind, choices, at=at, problems=problems)
    elif entity.default is not None:
        value = default
    else:
        value = POISON
        problems.add(
            caller if caller.line else entity.position,
            f"argument {name!r} is required and not given",
            f"give {name}:=value" if not caller.line else f"add {name} under args:",
        )
    return Argument(
        name=name,
        value=value,
        description=reader.text(entity.description, "description") or "",
        type=kind,
        choices=choices,
        required=entity.default is None,
        given=name in given,
        position=entity.position,
    )


def _kind_of(default: Any) -> str:
    return {bool: "bool", int: "int", float: "float"}.get(type(default), "text")


def _choices(entity: Arg, reader: Reader, kind: str) -> tuple[Any, ...]:
    if entity.choices is None:
        return ()
    if not isinstance(entity.choices, Items):
        reader.problems.add(entity.choices.position, "choices is not a list")
        return ()
    found = []
    for item in entity.choices.items:
        value = reader.scalar(item, "a choice")
        if value is not POISON and isinstance(item, Scalar):
            converted = _convert(value, kind)
            if converted is _WRONG:
                reader.problems.add(item.position, f"choice {value!r} is not of type {kind}")
            else:
                found.append(converted)
    return tuple(found)


def _checked(
    value: Any,
    name: str,
    kind: str,
    choices: tuple[Any, ...],
    *,
    at: Position,
    problems: Problems,
) -> Any:
    converted = _convert(value, kind)
    if converted is _WRONG:
        problems.add(at, f"argument {name!r} is not of type {kind}: {value!r}")
        return POISON
    if choices and converted not in choices:
        problems.add(
            at,
            f"argument {name!r} cannot be {converted!r}",
            did_you_mean(as_text(converted), map(as_text, choices)),
        )
        return POISON
    return converted


def _convert(value: Any, kind: str) -> Any:
    """Return ``value`` as ``kind``; lists and maps pass as they are for arguments without type."""
    if isinstance(value, dict | list):
        return value if kind == "text" else _WRONG
    if kind == "text":
        return as_text(value)
    if kind == "bool":
        truth = as_bool(value) if value != "" else None
        return _WRONG if truth is None else truth
    number = plain_value(value.strip()) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return _WRONG
    if kind == "float":
        return float(number)
    return number if isinstance(number, int) else _WRONG
