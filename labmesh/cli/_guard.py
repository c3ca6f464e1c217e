"""What every command has around it: errors become one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from labmesh.cli._root import root
from messages.errors import ConfigurationError, LabmeshError, NameInvalidError, TopicError

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""As a shell says it of a program that SIGINT ended."""


def main(arguments: list[str] | None = None) -> int:
    """Run ``labmesh`` with ``arguments`` (those of the process by default); return the exit code.

    0: done. 1: it failed. 2: a command line or a configuration is wrong. 130: interrupted. Other
    codes are a verb's own. Errors are one line on stderr; with ``--debug`` or LABMESH_DEBUG set,
    they are raised.
    """
    if arguments is None and (asked := os.environ.get("_LABMESH_COMPLETE")):
        from labmesh.cli._complete import complete

        return complete(root, asked)
    return _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: Sequence[str]) -> int:
    context: click.Context | None = None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Not every terminal knows every character: show the rest of the answer all the same.
        sys.stdout.reconfigure(errors="replace")
    try:
        with root.make_context("labmesh", list(arguments)) as (context):
            code = root.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        return _complain(_one_line(error), EXIT_USAGE)
    except (KeyboardInterrupt, EOFError, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except LabmeshError as error:
        if wants_traceback(context):
            raise
        bad_input = isinstance(error, ConfigurationError | NameInvalidError | TopicError)
        return _complain(str(error), EXIT_USAGE if bad_input else EXIT_FAILURE)
    except OSError as error:
        if wants_traceback(context):
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", EXIT_FAILURE)
    except Exception as error:
        if wants_traceback(context):
            raise
        return _complain(
            f"{type(error).__name__}: {error}; this is a fault of labmesh or of a node's package, "
            "LABMESH_DEBUG=1 shows where",
            EXIT_FAILURE,
        )
    return code if isinstance(code, int) else 0


def wants_traceback(context: click.Context | None) -> bool:
    """Tell whether errors shall be raised rather than said in one line."""
    asked = context is not None and context.params.get("debug", False)
    return bool(asked) or os.environ.get("LABMESH_DEBUG", "") not in ("", "0")


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{text.rstrip('.')}; see `{context.command_path} --help`" if context else text


def _complain(text: str, code: int) -> int:
    click.echo(f"labmesh: {text}", err=True)
    return code


def _reader_left() -> int:
    """Whoever read our output has enough: end without a word, now and at the last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FAILURE
