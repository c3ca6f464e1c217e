"""Two small campaigns that were run with simulated instruments, as the tests read them.

``tests/data/labs/{eol,conductivity}``: the exported ledger and the broker node's artifacts.
Regenerate both with ``python -m tests.support.recorded_lab``: two minutes, and every id and time
changes.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from nodes.broker import transfer

ROOT: Final = Path(__file__).parents[2]
LABS: Final = ROOT / "tests" / "data" / "labs"

EOL: Final = "eol"
"""One electrolyte, two coin cells, twelve cycles, their end of life."""

CONDUCTIVITY: Final = "conductivity"
"""Four electrolytes, measured for conductivity."""

_LAUNCHES: Final = {
    EOL: ("eol_campaign", ["rounds:=1", "cells:=2", "cycles:=12"]),
    CONDUCTIVITY: ("conductivity_campaign", ["budget:=4"]),
}
_PORTS: Final = ("robot_port", "monitor_port", "rail_port", "glovebox_port", "chamber_port")


@dataclass(frozen=True, slots=True)
class RecordedLab:
    """A lab's record as the broker node keeps it.

    Attributes:
        ledger: SQLite file.
        artifacts: Folder of its artifacts, beside it; absent where there are none.
        campaign: Name of its one campaign.
    """

    ledger: Path
    artifacts: Path
    campaign: str


def recorded_lab(name: str, folder: Path) -> RecordedLab:
    """Return the recorded lab ``name``, its ledger written to ``folder``."""
    ledger = folder / "ledger.sqlite"
    transfer.import_ledger(LABS / name / "ledger.gz", str(ledger), tell=lambda *_: None)
    artifacts = LABS / name / "artifacts"
    if artifacts.is_dir():
        shutil.copytree(artifacts, folder / "artifacts")
    return RecordedLab(ledger, folder / "artifacts", name)


def _free_ports() -> list[str]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in _PORTS]
        return [f"{n}:={s.getsockname()[1]}" for n, s in zip(_PORTS, found, strict=True)]


def _record(name: str) -> None:
    launch, arguments = _LAUNCHES[name]
    target = LABS / name
    with TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        world = [f"folder:={scratch}/lab", *_free_ports()] if name == EOL else []
        subprocess.run(
            [
                str(Path(sys.executable).with_name("labmesh")), "launch",
                str(ROOT / f"launch/{launch}.launch.yaml"), "--data-dir", str(data),
                f"campaign:={name}", *arguments, *world,
            ],
            check=True,
        )  # fmt: skip
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        place = data / "kit" / "broker"
        transfer.export(
            str(place / "ledger.sqlite"), target / "ledger.gz", force=True, tell=lambda *_: None
        )
        if (place / "artifacts").is_dir():
            shutil.copytree(place / "artifacts", target / "artifacts")


if __name__ == "__main__":
    for lab in sys.argv[1:] or [EOL, CONDUCTIVITY]:
        _record(lab)
