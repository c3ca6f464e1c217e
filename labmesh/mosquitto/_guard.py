"""Runs a program that the kernel ends when its parent ends, even by ``kill -9``.

It may open many files, as far as this account may at all: every client of an MQTT broker is one,
and the usual soft limit is 1024.

Executed as a file by an isolated interpreter, which then becomes the program:
``python -I -S _guard.py PARENT_PID PROGRAM ARGUMENT...``. An own executable instead of a
``preexec_fn``, because Python code between fork and exec can deadlock in a process with threads.

The kernel's parent is the *thread* that forked (prctl(2), PR_SET_PDEATHSIG): the program also ends
with the event loop's thread. The promise survives exec, but no change of user, so mosquitto must
not be told to change it. Elsewhere than on Linux this is a plain exec.
"""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_FILES = 65536  # connections of any lab of ours, and no table that a program would mind


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
    _open_many_files()
    os.execv(command[0], command)  # noqa: S606 that is what this file is for


def _open_many_files() -> None:
    try:
        import resource  # noqa: PLC0415 there is none on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):  # what stands suffices for most
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
