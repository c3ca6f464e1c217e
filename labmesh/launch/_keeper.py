"""Ends the process groups of a launch that is gone: its last line of defence against orphans.

Executed as a file by an isolated interpreter. Standard input, which only the launcher holds open,
brings lines ``+PGID`` and ``-PGID``; at its end, whatever is left gets `GRACE` seconds (the kernel
has sent it SIGTERM on Linux, see `_child.py`; elsewhere we do), then SIGKILL, the whole group.
"""

import contextlib
import os
import signal
import sys
import time

GRACE = 5.0


def main() -> None:
    """Follow standard input to its end, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    if sys.platform != "linux":
        _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = _signal(groups, 0)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> set[int]:
    """Send a signal to the groups; return those that exist."""
    alive = set()
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
            alive.add(group)
    return alive


if __name__ == "__main__":
    main()
