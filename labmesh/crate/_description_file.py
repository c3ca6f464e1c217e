"""Reading a crate's description from its file."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labmesh.crate._description import CrateDescription
from labmesh.yaml_lines import dotted, line_of, read_yaml
from messages.errors import ConfigurationError

_BEGIN = "labmesh_crate: 1"


def read_description(path: Path) -> CrateDescription:
    """Read a crate's description.

    Raises:
        ConfigurationError: It cannot be read, or says something that cannot be; with file and
            line, and all of its mistakes at once.
    """
    value, lines = read_yaml(path, begin=_BEGIN)
    try:
        return CrateDescription.model_validate(value)
    except ValidationError as error:
        found = sorted(_faults(error), key=lambda fault: line_of(lines, fault[0]))
    first, words = found[0]
    more = [f"line {line_of(lines, place)}: {what}" for place, what in found[1:]]
    raise ConfigurationError(
        words,
        where=f"{path}:{line_of(lines, first)}",
        remedy="; ".join(more) or "docs/crate.md lists what it may say",
    )


def _faults(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    faults = []
    for each in error.errors(include_url=False, include_context=False):
        place = each["loc"]
        if each["type"] == "extra_forbidden":
            words = f"there is no key {dotted(place)}{_nearest(place)}"
        else:
            words = f"{dotted(place)}: {each['msg'].removeprefix('Value error, ')}"
        faults.append((place, words))
    return faults


def _nearest(place: tuple[Any, ...]) -> str:
    if len(place) != 1:
        return ""
    close = difflib.get_close_matches(str(place[0]), CrateDescription.model_fields, n=1)
    return f", did you mean {close[0]}?" if close else ""
