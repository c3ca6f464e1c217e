"""From a document to the typed tree of entities. Nothing is evaluated here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from labmesh.launch import _entities  # noqa: F401 - registers the actions
from labmesh.launch._declare import ACTIONS, SHORTHANDS, Entity, Kind, keys_of
from labmesh.launch._document import Entry, Items, Map, Scalar, Value, read_document
from labmesh.launch._problem import Position, Problems, did_you_mean

VERSION: Final = 1
"""The version of the format, the value of ``labmesh_launch``."""

TOP_KEYS: Final = {
    "labmesh_launch": "the version of the format: 1",
    "realm": "the first level of every topic; default lab1",
    "site": "the site of nodes that name none; default lab",
    "launch": "the actions",
}


FOREIGN_KEYS: Final = {
    "pkg": "there are no packages here: run: NAME finds an installed node",
    "exec": "write run: NAME, or run: module:Class",
    "namespace": "write site: SITE",
}
"""Keys of ROS 2's launch files that have no place here, and what has."""


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """A parsed launch file.

    Attributes:
        path: Absolute path.
        shown: How positions name it.
        realm: Unevaluated, None when absent.
        site: Unevaluated, None when absent.
        actions: The entities in order.
        program: Of a file in Python: gives the file as it is in a context.
    """

    path: Path
    shown: str
    realm: Value | None
    site: Value | None
    actions: tuple[Entity, ...]
    program: Callable[[Any], LaunchFile] | None = None


def shown_path(path: Path) -> str:
    """Return how messages name ``path``: relative when it lies below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def parse_file(
    path: Path, problems: Problems, *, named: Position | None = None
) -> LaunchFile | None:
    """Return the launch file at ``path``, or None when there is nothing to go on with.

    ``named`` is where another file names it.
    """
    shown = shown_path(path)
    document = read_document(path, shown, problems, named=named)
    if document is None:
        return None
    if not isinstance(document, Map):
        problems.add(
            document.position,
            "not a launch file",
            f"begin it with labmesh_launch: {VERSION} and a list of actions under launch:",
        )
        return None
    for entry in document.entries:
        if entry.key not in TOP_KEYS:
            problems.add(
                entry.position, f"unknown key {entry.key!r}", did_you_mean(entry.key, TOP_KEYS)
            )
    _check_version(document, problems)
    launch = document.get("launch")
    if launch is None:
        problems.add(document.position, "no actions", "add a list of actions under launch:")
    actions = _actions(launch, problems) if launch else ()
    realm, site = document.get("realm"), document.get("site")
    return LaunchFile(
        path, shown, realm.value if realm else None, site.value if site else None, actions
    )


def _check_version(document: Map, problems: Problems) -> None:
    entry = document.get("labmesh_launch")
    if entry is None:
        problems.add(
            document.position, "no labmesh_launch key", f"begin with labmesh_launch: {VERSION}"
        )
    elif not isinstance(entry.value, Scalar) or entry.value.value != VERSION:
        problems.add(
            entry.value.position,
            "this version of the format is not known here",
            f"write labmesh_launch: {VERSION}, or update labmesh",
        )


def _actions(entry: Entry, problems: Problems) -> tuple[Entity, ...]:
    value = entry.value
    if isinstance(value, Scalar) and value.value is None:
        return ()
    if not isinstance(value, Items):
        problems.add(
            value.position, f"{entry.key!r} is not a list of actions", "begin each action with - "
        )
        return ()
    found = tuple(filter(None, (_action(item, problems) for item in value.items)))
    problems.incomplete |= len(found) < len(value.items)
    return found


def _action(item: Value, problems: Problems) -> Entity | None:
    if isinstance(item, Scalar) and item.value in ACTIONS:
        item = Map(item.position, (Entry(item.value, item.position, Map(item.position, ())),))
    if not isinstance(item, Map) or not item.entries:
        problems.add(item.position, "not an action", "an action is written - name: {key: value}")
        return None
    first, *others = item.entries
    for other in others:
        problems.add(
            other.position,
            f"{other.key!r} stands beside the action {first.key!r}",
            "indent it to put it into the action, or begin another action with - ",
        )
    cls = ACTIONS.get(first.key)
    if cls is None:
        problems.add(
            first.position, f"unknown action {first.key!r}", did_you_mean(first.key, ACTIONS)
        )
        return None
    return entity_of(cls, first, problems)


def entity_of(
    cls: type[Entity],
    entry: Entry,
    problems: Problems,
    *,
    actions: tuple[Entity, ...] | None = None,
) -> Entity | None:
    """Return the action that ``entry`` is, None when it is wrong (reported).

    ``actions`` are those in it, where they are made already.
    """
    body = _body(entry, problems)
    if body is None:
        return None
    declared = keys_of(cls)
    values: dict[str, Any] = {}
    for item in body.entries:
        known = declared.get(item.key)
        if known is None:
            problems.add(
                item.position,
                f"{entry.key} has no key {item.key!r}",
                FOREIGN_KEYS.get(item.key) or did_you_mean(item.key, declared),
            )
        elif known.kind is Kind.ACTIONS:
            values[known.attribute] = _actions(item, problems)
        else:
            values[known.attribute] = item.value
    if actions is not None:
        values["actions"] = actions
    missing = [name for name, known in declared.items() if known.required]
    missing = [name for name in missing if declared[name].attribute not in values]
    for name in missing:
        problems.add(entry.position, f"{entry.key} needs {name!r}", f"{name}: {declared[name].doc}")
    return None if missing else cls(position=entry.position, **values)


def _body(entry: Entry, problems: Problems) -> Map | None:
    """Return the action's keys, a bare scalar spelled out."""
    value = entry.value
    if isinstance(value, Map):
        return value
    if isinstance(value, Scalar) and value.value is None and value.template is None:
        return Map(entry.position, ())
    short = SHORTHANDS.get(entry.key)
    if short and isinstance(value, Scalar):
        return Map(entry.position, (Entry(short, value.position, value),))
    problems.add(value.position, f"{entry.key} takes a map of keys")
    return None
