"""What hangs on what: from an entry's body to the things whose access it shares.

A thing is a text: ``campaign:NAME``, ``sample:ID``, ``request:UUID``, ``told:UUID`` (a request as
people read it, with the results to it), ``result:UUID``,
``origin:UUID`` (what a result came of, without the samples it touched), ``artifact:SHA256``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from messages.model import JsonObject

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_LENGTH: Final = 36
_ORIGIN: Final = "origin:"
_DEEPEST: Final = 64
"""Levels of a body that are looked into; the envelope's own limit is lower."""


def campaign(name: str) -> str:
    """Return the thing that a campaign is."""
    return f"campaign:{name}"


def sample(name: str) -> str:
    """Return the thing that a sample is."""
    return f"sample:{name}"


def request(uuid: str) -> str:
    """Return the thing that a request is."""
    return f"request:{uuid}"


def told(uuid: str) -> str:
    """Return the thing that a request is as people read it: with the results to it."""
    return f"told:{uuid}"


@lru_cache(maxsize=4096)
def named(name: str) -> tuple[str, ...]:
    """Return the things that a text may name; of words that come often always the same texts."""
    if len(name) == _UUID_LENGTH and _UUID.fullmatch(name):
        return sample(name), request(name), result(name)
    return (sample(name),)


def result(uuid: str) -> str:
    """Return the thing that a result is."""
    return f"result:{uuid}"


def origin(uuid: str) -> str:
    """Return the thing that a result came of: its own declaration, campaign and request."""
    return f"{_ORIGIN}{uuid}"


def own(thing: str) -> str:
    """Return the result whose own declaration counts for an origin, else the thing itself."""
    return result(thing[len(_ORIGIN) :]) if thing.startswith(_ORIGIN) else thing


def artifact(sha256: str) -> str:
    """Return the thing that an artifact is."""
    return f"artifact:{sha256}"


def of_request(body: JsonObject) -> list[str]:
    """Return what a request hangs on, but for what its parameters name."""
    found = _campaign(body)
    start = body.get("from_state")
    if isinstance(start, dict) and start.get("sample"):
        found.append(sample(str(start["sample"])))
    if body.get("parent"):
        found.append(request(str(body["parent"])))
    return found


def of_origin(body: JsonObject) -> list[str]:
    """Return what a result came of."""
    found = _campaign(body)
    if body.get("request"):
        found.append(request(str(body["request"])))
    return found


def touched(body: JsonObject) -> list[str]:
    """Return the samples of which a result tells, by its steps."""
    found: dict[str, None] = {}
    for step in _steps(body):
        found[sample(str(step.get("sample")))] = None
        found |= dict.fromkeys(sample(str(each)) for each in step.get("parents") or ())
    return list(found)


def births(body: JsonObject) -> Iterator[tuple[str, list[str]]]:
    """Yield the samples that a result gives birth to, each with its parents."""
    for step in _steps(body):
        if step.get("state") == 0:
            yield (
                sample(str(step.get("sample"))),
                [sample(str(p)) for p in step.get("parents") or ()],
            )


def artifacts(body: JsonObject) -> list[str]:
    """Return the artifacts that a result names."""
    refs = body.get("artifacts") or ()
    return [artifact(str(ref.get("sha256"))) for ref in refs if isinstance(ref, dict)]


def names(values: Iterable[Any]) -> Iterator[str]:
    """Yield every text in ``values``, however deep, that could be an id; keys are none."""
    todo: list[tuple[int, Any]] = [(0, value) for value in values]
    while todo:
        depth, value = todo.pop()
        if isinstance(value, str):
            if _ID.fullmatch(value):
                yield value
        elif depth > _DEEPEST:
            continue
        elif isinstance(value, dict):
            todo += [(depth + 1, each) for each in value.values()]
        elif isinstance(value, list | tuple) and not _numbers(value):
            todo += [(depth + 1, each) for each in value]


def _numbers(values: Sequence[Any]) -> bool:
    """Tell whether a list is one of numbers, by its ends: such lists are long."""
    return bool(values) and all(isinstance(each, int | float) for each in (values[0], values[-1]))


def _campaign(body: JsonObject) -> list[str]:
    name = body.get("campaign")
    return [campaign(str(name))] if name else []


def _steps(body: JsonObject) -> list[Any]:
    return [step for step in body.get("samples") or () if isinstance(step, dict)]
