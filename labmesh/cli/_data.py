"""Data on the command line: YAML in place, in a file or on standard input; ``a.b=1`` settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from messages.errors import ConfigurationError


def read_data(text: str, *, what: str) -> dict[str, Any]:
    """Return the map that ``text`` is: YAML or JSON in place, ``@FILE``, or ``-`` for stdin.

    Raises:
        ConfigurationError: It cannot be read, or is no map.
    """
    if text == "-":
        return parse_map(sys.stdin.read(), what=what, where="standard input")
    if text.startswith("@"):
        return read_map(text[1:], what=what)
    return parse_map(text, what=what, where="command line")


def read_map(file: str, *, what: str) -> dict[str, Any]:
    """Return the map in a YAML or JSON file; ``-`` is standard input.

    Raises:
        ConfigurationError: As `read_data`.
    """
    if file == "-":
        return parse_map(sys.stdin.read(), what=what, where="standard input")
    try:
        content = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{what} cannot be read: {error}", where=file, remedy="check the path"
        ) from None
    return parse_map(content, what=what, where=file)


def parse_map(text: str, *, what: str, where: str) -> dict[str, Any]:
    """Return the map in YAML or JSON text; dates become text, as in JSON.

    Raises:
        ConfigurationError: It is no YAML, no map, or holds what JSON cannot.
    """
    value = parse_value(text, where=where)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(
            f"{what} are not a map of names to values",
            where=where,
            remedy="write {name: value, ...}, or one `name: value` a line",
        )
    return value


def parse_value(text: str, *, where: str) -> Any:
    """Return the value in YAML or JSON text.

    An array may stand there as ``--json`` shows one: dtype, shape, and its numbers in ``data``.

    Raises:
        ConfigurationError: It is no YAML, or holds what JSON cannot.
    """
    try:
        return _with_arrays(_as_json(yaml.safe_load(text)))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"not YAML: {reason}", where=where, remedy="quote texts that hold : or #"
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"not plain data: {error}", where=where, remedy="use texts, numbers, lists and maps"
        ) from None


def settings(given: Iterable[str], into: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return ``into`` with ``name.sub=VALUE`` settings applied, each VALUE being YAML.

    A part that is a number counts as an index where a list is: ``points.0.x=1``; an index one
    past the end appends.

    Raises:
        ConfigurationError: A setting has no ``=``, or goes into what is neither map nor list.
    """
    values: dict[str, Any] = dict(into or {})
    for setting in given:
        path, equals, text = setting.partition("=")
        if not equals or not all(path.split(".")):
            raise ConfigurationError(f"{setting!r} is not NAME=VALUE", remedy="write a.b=1")
        _set(values, path.split("."), parse_value(text, where=path), setting)
    return values


def _set(into: Any, parts: list[str], value: Any, setting: str) -> None:
    head, *tail = parts
    key = _key(into, head, setting)
    if not tail:
        if isinstance(into, list) and key == len(into):
            into.append(value)
        else:
            into[key] = value
        return
    missing = (key == len(into)) if isinstance(into, list) else key not in into
    if missing:
        _set(into, [head], {}, setting)
    _set(into[key], tail, value, setting)


def _key(into: Any, part: str, setting: str) -> Any:
    if isinstance(into, dict):
        return part
    if isinstance(into, list) and part.isdecimal() and int(part) <= len(into):
        return int(part)
    raise ConfigurationError(
        f"{part!r} cannot be set in {type(into).__name__}",
        where=setting,
        remedy="give the whole value as YAML",
    )


def _as_json(value: Any) -> Any:
    """Return what JSON would make of it; NaN, infinity and odd keys are refused."""
    return json.loads(json.dumps(value, default=_text, allow_nan=False))


def _text(value: object) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise ValueError(f"{type(value).__name__} {value!r}")


def _with_arrays(value: Any) -> Any:
    """Return data with the numbers of its arrays as the bytes that travel."""
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"dtype", "shape", "data"} or not isinstance(value["data"], list):
        return {key: _with_arrays(item) for key, item in value.items()}
    import numpy as np

    try:
        return {**value, "data": np.array(value["data"], dtype=value["dtype"]).tobytes()}
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"data is no array of {value['dtype']}: {error}") from None
