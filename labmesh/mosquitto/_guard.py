"""Runs a program that the kernel ends when its parent ends, even by ``kill -9``.

Executed as a file by an isolated interpreter, which then becomes the program:
``python -I -S _guard.py PARENT_PID PROGRAM ARGUMENT...``. An own executable instead of a
``preexec_fn``, because Python code between fork and exec can deadlock in a process with threads.

The kernel's parent is the *thread* that forked (prctl(2), PR_SET_PDEATHSIG): the program also ends
with the event loop's thread. The promise survives exec, but no change of user, so mosquitto must
not be told to change it. Elsewhere than on Linux this is a plain exec.
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
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
            number = ctypes.get_errno()
            sys.exit(f"prctl: {os.strerror(number)}")
        if os.getppid() != int(parent):  # it died before the kernel was told
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 that is what this file is for


if __name__ == "__main__":
    main()
