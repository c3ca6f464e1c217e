"""Becomes a program that the kernel tells to end when the launch ends, even by ``kill -9``.

Executed as a file by an isolated interpreter: ``python -I -S _child.py PARENT_PID PROGRAM ARG...``.
An own executable instead of a ``preexec_fn``, because Python code between fork and exec can
deadlock in a process with threads. SIGTERM, not SIGKILL, so that a node can leave its instrument
in order; `_keeper.py` kills what does not listen.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Arm the kernel, check that the parent still lives, become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the kernel was told
            sys.exit(1)
    # What is ignored stays so across exec: Python ignores the first two, and a shell lets what it
    # starts with & ignore SIGINT.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - that is what this file is for
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
