"""What a name of the ledger stands for when it is drawn."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labmesh.client import LabClient
from messages.errors import CallRefusedError, ConfigurationError
from messages.ledger import ArtifactRef
from nodes.cycler._plot_source import fetched_table
from nodes.cycler.files import read_cycler_file, write_parquet
from tests.nodes.cycler.files.reference import DATA

NDA = DATA / "neware_nda" / "nda_v8.nda"


class Ledger:
    """What of a `LabClient` is asked, over a folder of files."""

    def __init__(self, folder: Path) -> None:
        read_it = folder / "cell.parquet"
        write_parquet(read_cycler_file(NDA), read_it)
        (folder / "cell.json").write_text("{}")
        shutil.copy(NDA, folder / "cell.nda")
        self.files = {hashlib.sha256(f.read_bytes()).hexdigest(): f for f in folder.iterdir()}
        self.refs = tuple(
            ArtifactRef(sha256=sha, name=f.name, media_type="x/y", size=f.stat().st_size)
            for sha, f in sorted(self.files.items())
        )

    async def artifacts(self, sha256: str) -> AsyncIterator[ArtifactRef]:
        for ref in self.refs:
            if ref.sha256.startswith(sha256):
                yield ref

    async def result(self, name: str) -> Any:
        if name != "0192-result":
            raise CallRefusedError("there is none", code="not_found")
        return SimpleNamespace(artifacts=self.refs)

    async def results(self, **_filters: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(samples=(SimpleNamespace(sample="cell-7"),), artifacts=())
        yield SimpleNamespace(samples=(SimpleNamespace(sample="cell-7"),), artifacts=self.refs)

    async def artifact(self, sha256: str, *, to: Path, patience: float) -> Path:
        return Path(shutil.copy(self.files[sha256], to))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


async def _rows(ledger: Ledger, name: str) -> int:
    table, title = await fetched_table(cast("LabClient", ledger), name, 1.0)
    assert title
    return table.height


async def test_an_artifact_a_result_and_a_sample_are_found(ledger: Ledger) -> None:
    raw = next(sha for sha, file in ledger.files.items() if file.suffix == ".nda")
    assert await _rows(ledger, raw[:10]) == 21
    assert await _rows(ledger, "0192-result") == 21
    assert await _rows(ledger, "cell-7") == 21


async def test_what_is_not_there_is_said(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match=r"no artifact, result or sample.*'cell-8'"):
        await fetched_table(cast("LabClient", ledger), "cell-8", 1.0)
