"""roc-validator, an independent judge of RO-Crates, without a network."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal
from zipfile import ZipFile

ROOT: Final = Path(__file__).parents[2]
READERS: Final = ROOT / ".venv-readers" / "bin" / "python"
SHARED: Final = ROOT.parent / "shared" / "data" / "ontology" / "rocrate"

CONTEXT_1_2: Final = ROOT / "labmesh" / "crate" / "data" / "ro-crate-1.2-context.json"
CONTEXT_1_1: Final = SHARED / "ro-crate-1.1-context.jsonld"

Profile = Literal["ro-crate-1.1", "ro-crate-1.2"]
Severity = Literal["REQUIRED", "RECOMMENDED", "OPTIONAL"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What roc-validator says.

    Attributes:
        passed: Whether the crate is one.
        issues: What it finds, each with severity, check and entity.
        missed: URLs that it asked for and that no file stands for.
    """

    passed: bool
    issues: tuple[str, ...]
    missed: tuple[str, ...]


def roc_validate(
    crate: Path, *, profile: Profile = "ro-crate-1.2", severity: Severity = "REQUIRED"
) -> Verdict:
    """Judge a crate, a folder or an ``.eln`` file; takes 6 to 12 s.

    roc-validator wants the metadata at the top of a ZIP, where ``.eln`` has a folder: it is given
    that folder.
    """
    if crate.is_file():
        with TemporaryDirectory() as scratch, ZipFile(crate) as archive:
            archive.extractall(scratch)
            (folder,) = Path(scratch).iterdir()
            return roc_validate(folder, profile=profile, severity=severity)
    assert READERS.is_file(), f"no {READERS}: scripts/setup.sh --test makes it, with roc-validator"
    contexts = {"https://w3id.org/ro/crate/1.2/context": str(CONTEXT_1_2)}
    if CONTEXT_1_1.is_file():
        contexts["https://w3id.org/ro/crate/1.1/context"] = str(CONTEXT_1_1)
    asked = {
        "crate": str(crate), "profile": profile, "severity": severity, "contexts": contexts,
    }  # fmt: skip
    done = subprocess.run(
        [READERS, Path(__file__).with_name("roc_runner.py")],
        input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return Verdict(found["passed"], tuple(found["issues"]), tuple(found["missed"]))
