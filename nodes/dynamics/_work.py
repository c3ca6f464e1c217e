"""The process that computes a run: ``python -m nodes.dynamics._work FOLDER``.

Settings come as JSON in the first line of standard input; it ends when that is closed, so that it
does not outlive the node. It says how it goes in lines of JSON on standard output: ``{"fraction",
"text"}``, and at last ``{"done": true}`` or ``{"failed", "where", "remedy", "retryable"}``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from messages.errors import LabmeshError, OrderError
from nodes.dynamics._engine import Engine
from nodes.dynamics._store import RunFolder

_EVERY: Final = 1.0
"""Wall seconds between two words."""

_NICE: Final = 10
"""Added to the niceness: drivers on the same machine go first."""

_last = -_EVERY


def main() -> None:
    """Compute the run in the folder that the command line names."""
    folder = RunFolder(Path(sys.argv[1]))
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_watch, daemon=True).start()
    os.nice(_NICE)
    try:
        with folder.locked():
            Engine(
                folder, settings["platform"], settings["threads"], settings["precision"], _progress
            ).run()
    except LabmeshError as error:
        _fail(error, retryable=isinstance(error, OrderError) and error.retryable)
    except Exception as error:  # noqa: BLE001 - the node tells it in its own words
        _fail(LabmeshError(f"{type(error).__name__}: {error}"), retryable=False)
    else:
        _say({"done": True})


def _progress(fraction: float, text: str) -> None:
    global _last  # noqa: PLW0603 - of this process alone
    if time.monotonic() - _last >= _EVERY:
        _last = time.monotonic()
        _say({"fraction": fraction, "text": text})


def _fail(error: LabmeshError, *, retryable: bool) -> None:
    _say(
        {
            "failed": error.what,
            "where": error.where,
            "remedy": error.remedy,
            "retryable": retryable,
        }
    )
    sys.exit(1)


def _say(word: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def _watch() -> None:
    sys.stdin.read()
    os._exit(2)


if __name__ == "__main__":
    main()
