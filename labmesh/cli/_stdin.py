"""YAML documents from standard input, one after another as they are typed or piped."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Final

_BLOCK: Final = 65536


async def documents() -> AsyncIterator[str]:
    """Yield every document: what stands between ``---`` lines, or one line that begins with ``{``.

    The last one ends with the input.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        # A loop that has been closed by Ctrl-C takes nothing more.
        try:
            for line in _lines():
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except RuntimeError:
            return

    # A daemon, reading without Python's locks: Ctrl-C shall not wait for a line that never comes.
    threading.Thread(target=read, name="standard input", daemon=True).start()
    gathered: list[str] = []
    while True:
        line = await lines.get()
        if line is not None and not gathered and line.lstrip().startswith("{") and _whole(line):
            yield line
        elif line is None or line.rstrip() in ("---", "..."):
            if any(each.strip() for each in gathered):
                yield "\n".join(gathered)
            gathered = []
            if line is None:
                return
        else:
            gathered.append(line)


def _whole(line: str) -> bool:
    return line.rstrip().endswith("}") and line.count("{") == line.count("}")


def _lines() -> Iterator[str]:
    number = sys.stdin.fileno()
    rest = b""
    while block := os.read(number, _BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
