"""``python -m labmesh.mosquitto``: get the MQTT broker's program, say where it is."""

from __future__ import annotations

import sys

from labmesh.mosquitto import install_mosquitto
from messages.errors import LabmeshError


def main() -> int:
    """Return the exit status: 0, or 1 when there is no mosquitto to be had."""
    try:
        program = install_mosquitto()
    except LabmeshError as error:
        sys.stderr.write(f"labmesh: {error}\n")
        return 1
    sys.stdout.write(f"mosquitto {program.version}: {program.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
