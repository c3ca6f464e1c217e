"""A node as a process: found by name, stopped by signals, judged by its exit code."""

from __future__ import annotations

import asyncio
import difflib
import gc
import importlib
import logging
import os
import signal
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from labmesh.log import log_to_stderr
from labmesh.node._node import Node
from labmesh.node._options import NodeOptions
from messages.errors import ConfigurationError, LabmeshError, NodeNameTakenError

logger = logging.getLogger("labmesh.node")

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
        if module.endswith(".py"):
            stem = Path(module).stem
            raise ConfigurationError(
                f"{program!r} is a file",
                remedy=f"give module:Class, for example {stem}:{stem.capitalize()}",
            )
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
    except Exception as error:
        raise ConfigurationError(
            f"cannot import {target}: {type(error).__name__}: {error}", where=_origin(error)
        ) from error
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise ConfigurationError(f"{target} is not a labmesh.Node")
    return found


def run_node(program: str, options: NodeOptions) -> int:
    """Run a node until it has finished or is told to stop; return the exit code.

    0: done, or stopped by SIGINT or SIGTERM. 1: failed. 2: configured wrongly. 3: name taken.
    Errors are one line with what, where and what to do. LABMESH_LOG=debug shows more, and the
    traceback of an error nobody foresaw. A second signal ends the process at once, wherever it is.
    """
    log_to_stderr(_level())
    _collect_garbage_seldom()
    try:
        return asyncio.run(_run(find_node(program), options))
    except KeyboardInterrupt:  # before the event loop took the signals over
        return 0
    except ConfigurationError as error:
        return _fail(error, EXIT_CONFIGURATION)
    except NodeNameTakenError as error:
        return _fail(error, EXIT_NAME_TAKEN)
    except LabmeshError as error:
        return _fail(error, EXIT_FAILURE)
    except Exception as error:
        logger.debug("the node failed", exc_info=error)
        words = LabmeshError(
            f"{type(error).__name__}: {error}",
            where=_origin(error),
            remedy="LABMESH_LOG=debug shows the traceback",
        )
        return _fail(words, EXIT_FAILURE)


async def _run(node_class: type[Node[Any]], options: NodeOptions) -> int:
    node = node_class(options)
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            # Handlers and threads that do not care for being cancelled must not hold it up.
            print("labmesh: stopped at once by a second signal", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(EXIT_FAILURE)
        stopping = True
        node.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return await node.run()


def _collect_garbage_seldom() -> None:
    """Look for cycles a hundred times less often: messages make none that matter.

    The collector would walk over everything that a ledger or a model keeps, again and again; with
    10 000 requests waiting that is a tenth of the broker node's time.
    """
    gc.set_threshold(70_000, 20, 20)


def _level() -> int:
    found = logging.getLevelNamesMapping().get(os.environ.get("LABMESH_LOG", "info").upper())
    return logging.INFO if found is None else found


def _origin(error: BaseException) -> str:
    """Return file:line of the innermost frame, or of the source that cannot be compiled."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _fail(error: LabmeshError, code: int) -> int:
    print(f"labmesh: {error}", file=sys.stderr)  # noqa: T201
    return code
