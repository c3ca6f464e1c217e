"""Reading a Neware archive leaves the process as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
FILE = ROOT.parent / "shared" / "data" / "cycler" / "neware_nda" / "test.ndax"

SCRIPT = f"""
import zlib
before = zlib.decompress, zlib.decompressobj
from nodes.cycler.files import read_cycler_file
assert len(read_cycler_file({str(FILE)!r}).table) == 1464
assert (zlib.decompress, zlib.decompressobj) == before
try:
    zlib.decompressobj().decompress(b"no archive")
except zlib.error:
    print("as it was")
"""


def test_others_still_catch_what_zlib_raises() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout == "as it was\n", done.stderr
