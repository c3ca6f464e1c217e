"""The running MQTT broker of a site: as this process, told to read again, asked whether it runs."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from labmesh.mosquitto import find_mosquitto
from labmesh.site._certificates import renew, why_renew
from labmesh.site._description import Description
from labmesh.site._folder import SiteFolder
from messages.errors import ConfigurationError


def become_mosquitto(folder: SiteFolder) -> NoReturn:
    """Become the MQTT broker of a site: this process is mosquitto from here on.

    So that whoever started this process (systemd, say) signals and awaits mosquitto itself. A
    certificate that ends soon is renewed first.

    Raises:
        ConfigurationError: There is no configuration, or it runs already.
        MissingProgramError: There is no mosquitto.
    """
    description = Description.read(folder.root)
    folder.broker_config(description)
    if folder.certificate.exists() and why_renew(folder, description):
        # Whoever trusts the old one trusts the new one, and a restart must not fail for its age.
        renew(folder, description)
    if not folder.config.exists():
        raise ConfigurationError(
            "mosquitto has no configuration yet", where=str(folder.root),
            remedy="labmesh site init makes it",
        )  # fmt: skip
    if (pid := running(folder)) is not None:
        raise ConfigurationError(
            f"it runs already (pid {pid})", where=str(folder.root), remedy="stop that first"
        )
    program = find_mosquitto()
    folder.pid.write_text(f"{os.getpid()}\n", encoding="utf-8")
    import resource  # noqa: PLC0415 - not on every system, and needed here alone

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # each connection is an open file
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    os.execve(  # noqa: S606 - that is what this function is for
        program.path, [str(program.path), "-c", str(folder.config)], program.environment()
    )


def running(folder: SiteFolder) -> int | None:
    """Return the process id of the site's mosquitto, None where it does not run."""
    try:
        pid = int(folder.pid.read_text(encoding="utf-8"))
        os.kill(pid, 0)
    except PermissionError:
        pass  # somebody else's, and alive
    except (OSError, ValueError):
        return None
    if not Path("/proc/self/cmdline").exists():
        return pid
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    # A number is given again to others: it must be this mosquitto.
    return pid if os.fsencode(folder.config) in command else None


def reload(folder: SiteFolder) -> bool:
    """Let a running mosquitto read accounts, rules and certificates again; tell whether it runs.

    Those whose account or password is gone are disconnected.
    """
    pid = running(folder)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
    return True
