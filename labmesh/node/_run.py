"""A node as a process: found by name, stopped by signals, judged by its exit code."""

from __future__ import annotations

import asyncio
import difflib
import importlib
import signal
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from labmesh.log import log_to_stderr
from labmesh.node._node import Node
from labmesh.node._options import NodeOptions
from messages.errors import ConfigurationError, LabmeshError, NodeNameTakenError

GROUP: Final = "labmesh.nodes"
"""Entry point group by which nodes of any package are found."""

EXIT_FAILURE: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_NAME_TAKEN: Final = 3


def node_programs() -> dict[str, str]:
    """Return the installed nodes: entry point name to ``module:Class``."""
    return {point.name: point.value for point in entry_points(group=GROUP)}


def find_node(program: str) -> type[Node[Any]]:
    """Return the node class that ``program`` names: an entry point, or ``module:Class``.

    A module is looked for in the current directory, too, as ``python -m`` does.

    Raises:
        ConfigurationError: There is none of that name, it cannot be imported, or is no Node.
    """
    programs = node_programs()
    target = programs.get(program, program)
    module, colon, name = target.partition(":")
    if not colon:
        close = difflib.get_close_matches(program, programs, n=1)
        raise ConfigurationError(
            f"no node is called {program!r}",
            remedy=(f"did you mean {close[0]}? " if close else "")
            + f"installed: {', '.join(sorted(programs))}; or give module:Class",
        )
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"cannot import {target}: {error}", remedy="check the spelling and what is installed"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise ConfigurationError(f"{target} is not a labmesh.Node")
    return found


def run_node(program: str, options: NodeOptions) -> int:
    """Run a node until it has finished or is told to stop; return the exit code.

    0: done, or stopped by SIGINT or SIGTERM. 1: failed. 2: configured wrongly. 3: name taken.
    Errors are logged with what, where and what to do; a second signal ends at once.
    """
    log_to_stderr()
    try:
        return asyncio.run(_run(find_node(program), options))
    except ConfigurationError as error:
        return _fail(error, EXIT_CONFIGURATION)
    except NodeNameTakenError as error:
        return _fail(error, EXIT_NAME_TAKEN)
    except LabmeshError as error:
        return _fail(error, EXIT_FAILURE)


async def _run(node_class: type[Node[Any]], options: NodeOptions) -> int:
    node = node_class(options)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    begun = False

    def stop() -> None:
        nonlocal begun
        if begun and task is not None:
            task.cancel()
        begun = True
        node.finish()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await node.run()
    except asyncio.CancelledError:
        return EXIT_FAILURE


def _fail(error: LabmeshError, code: int) -> int:
    print(f"labmesh: {error}", file=sys.stderr)  # noqa: T201
    return code
