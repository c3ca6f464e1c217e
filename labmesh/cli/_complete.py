"""Completion of a command line: names from a quick look at the mesh, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from labmesh.client import Visitor

VARIABLE: Final = "_LABMESH_COMPLETE"
"""Set by the shell that asks for completions."""

_PATIENCE: Final = 0.5
"""Wall seconds that a look at the mesh may take: who presses TAB does not wait longer."""


def complete(root: click.Command, instruction: str) -> int:
    """Answer a shell, as click does; return the exit code."""
    import logging

    from click.shell_completion import shell_complete

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return shell_complete(root, {}, "labmesh", VARIABLE, instruction)
    finally:
        logging.disable(before)


def dress(command: click.Command) -> click.Command:
    """Let the arguments and options of a command complete what the mesh knows."""
    for parameter in command.params:
        names = (parameter.metavar, parameter.name)
        find = next((_FINDERS[name] for name in names if name in _FINDERS), None)
        if find is not None and parameter.type is click.STRING:
            parameter.type = _FromMesh(find)
    return command


class _FromMesh(click.ParamType):
    """Any text; completed by what ``find`` returns."""

    name = "text"

    def __init__(self, find: Callable[[click.Context], Iterable[str]]) -> None:
        self._find = find

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what begins as the word does. Whatever goes wrong, the shell gets no error."""
        from click.shell_completion import CompletionItem

        try:
            found = list(self._find(ctx))
        except Exception:  # noqa: BLE001
            return []
        return [CompletionItem(each) for each in sorted(found) if each.startswith(incomplete)]


def _look(ctx: click.Context, work: Callable[[Visitor], Any]) -> Any:
    """Return what ``work`` finds in the mesh, in `_PATIENCE` seconds altogether."""
    import asyncio

    from labmesh.client import visit
    from labmesh.place import data_dir, find_place

    given = ctx.params
    place = find_place(
        mqtt=given.get("mqtt"), site=given.get("site"), realm=given.get("realm"),
        account=given.get("account"), folder=data_dir(given.get("data_dir")),
    )  # fmt: skip

    async def look() -> Any:
        async with asyncio.timeout(_PATIENCE), visit(place, "cli", patience=_PATIENCE) as visitor:
            return await work(visitor)

    return asyncio.run(look())


def _survey(ctx: click.Context, *parts: str) -> Any:
    from labmesh.cli._survey import survey

    return _look(ctx, lambda visitor: survey(visitor.mesh, parts=parts, patience=_PATIENCE))


def _nodes(ctx: click.Context) -> Iterable[str]:
    seen = _survey(ctx, "node/alive/+")
    names = [node.node for node in seen]
    for node in seen:
        # A name that only one site has needs no site.
        yield node.node if names.count(node.node) == 1 else str(node)
        yield str(node)


def _whole_nodes(ctx: click.Context) -> Iterable[str]:
    return map(str, _survey(ctx, "node/alive/+"))


def _topics(ctx: click.Context) -> Iterable[str]:
    from labmesh.cli._endpoints import publishers

    seen = _survey(ctx, "node/alive/+", "node/desc").values()
    # As the command line takes it, without the realm.
    return {f"~{each.topic[1:]}" for each in publishers(seen, "") if "+" not in each.topic}


def _of_node(ctx: click.Context, part: Callable[[Any], Iterable[str]]) -> Iterable[str]:
    """Return what the descriptor of the node named before says."""
    wanted = str(ctx.params.get("name", ""))
    for node in _survey(ctx, "node/desc").values():
        if node.descriptor is not None and wanted in (str(node.id), node.id.node):
            yield from part(node.descriptor)


def _services(ctx: click.Context) -> Iterable[str]:
    return _of_node(ctx, lambda said: said.services)


def _parameters(ctx: click.Context) -> Iterable[str]:
    return _of_node(ctx, lambda said: said.parameters_schema.get("properties", {}))


def _settings(ctx: click.Context) -> Iterable[str]:
    return [f"{name}=" for name in _parameters(ctx)]


def _capabilities(ctx: click.Context) -> Iterable[str]:
    seen = _survey(ctx, "node/desc").values()
    return {
        f"{each.quantity}/{each.method}"
        for node in seen if node.descriptor is not None
        for each in node.descriptor.capabilities
    }  # fmt: skip


def _quantities(ctx: click.Context) -> Iterable[str]:
    return {each.partition("/")[0] for each in _capabilities(ctx)}


def _methods(ctx: click.Context) -> Iterable[str]:
    quantity = ctx.params.get("quantity")
    pairs = (each.partition("/") for each in _capabilities(ctx))
    return {method for before, _, method in pairs if quantity in (None, before)}


def _types(_ctx: click.Context) -> Iterable[str]:
    from labmesh.cli._interfaces import models

    return models()


def _launch_arguments(ctx: click.Context) -> Iterable[str]:
    from labmesh import launch

    # Whoever presses a key does not want a file's programs to run.
    world = launch.World(root=Path(ctx.params["file"]).resolve().parent)
    declared = launch.declared_arguments(ctx.params["file"], {}, world=world)
    return [f"{each.name}:=" for each in declared.arguments]


_FINDERS: Final[dict[str | None, Callable[[click.Context], Iterable[str]]]] = {
    "NODE": _nodes, "[NODE]": _nodes, "SITE/NODE": _whole_nodes,
    "topic": _topics, "pattern": _topics, "TYPE": _types,
    "service": _services, "parameter": _parameters, "NAME=VALUE ...": _settings,
    "QUANTITY/METHOD": _capabilities, "quantity": _quantities, "method": _methods,
    "[NAME:=VALUE]...": _launch_arguments,
}  # fmt: skip
"""By metavar, else by name of a parameter."""
