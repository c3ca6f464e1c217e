"""Substitutions that look outside the launch file: a program's output, a file's content."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from labmesh.launch._world import World

COMMAND_SECONDS: Final = 10.0
"""How long a program may take by default."""

MAX_CONTENT: Final = 1 << 20
"""Bytes of a file, or of a program's output."""


class OutsideError(Exception):
    """What was sought outside is not to be had."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def output_of(
    command: str, seconds: float, *, folder: Path, environment: Mapping[str, str], world: World
) -> str:
    """Return what a program writes, without the last line end. No shell is between.

    Raises:
        OutsideError: It cannot be run, fails, writes no UTF-8 or too much, or takes longer.
    """
    if world.root is not None:
        raise OutsideError(
            "a launch that is confined to its folder runs no program while it is read",
            "give the value as an argument",
        )
    try:
        whole = {**world.environment, **environment}
        code, out, err = _run(shlex.split(command), seconds, folder, whole)
        text = out.decode("utf-8")
    except subprocess.TimeoutExpired:
        raise OutsideError(
            f"{command!r} takes longer than {seconds:g} s", "give it more: $(command '...' SECONDS)"
        ) from None
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutsideError(f"{command!r} cannot be run: {reason}") from None
    if code:
        said = err.decode(errors="replace").strip().splitlines()
        raise OutsideError(f"{command!r} ends with code {code}" + (f": {said[-1]}" if said else ""))
    if len(out) > MAX_CONTENT:
        raise OutsideError(f"{command!r} writes more than {MAX_CONTENT} bytes")
    return _value(text)


def content_of(name: str, *, folder: Path, world: World) -> str:
    """Return a file's content, without the last line end; a relative name starts at ``folder``.

    Raises:
        OutsideError: It cannot be read, is no UTF-8 or too large.
    """
    path = Path(os.path.abspath(folder / name))  # noqa: PTH100 - resolve() may raise
    if not world.allows(path):
        raise OutsideError(f"file {name!r} is outside the folder of this launch")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONTENT + 1)
        text = raw.decode("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise OutsideError(
            f"cannot read the file {name!r}: {reason}", f"looked for {path}"
        ) from None
    if len(raw) > MAX_CONTENT:
        raise OutsideError(f"the file {name!r} has more than {MAX_CONTENT} bytes")
    world.files.append(path)
    return _value(text)


def _run(
    command: list[str], seconds: float, folder: Path, environment: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Run a program to its end; it leaves nothing behind."""
    process = subprocess.Popen(  # noqa: S603 - that is what the file asks for, without a shell
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, out, err


def _value(text: str) -> str:
    if "\0" in text:
        raise OutsideError("the text holds a null character")
    return text.removesuffix("\n").removesuffix("\r")
