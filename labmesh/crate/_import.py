"""The ledger in a crate."""

from __future__ import annotations

from pathlib import Path


def write_ledger(crate: Path, target: Path) -> tuple[int, bytes]:
    """Write the ledger whose segments a crate holds in the portable form, and return its head.

    Args:
        crate: A folder or an ``.eln`` file.
        target: The file to make, which `labmesh ledger import` reads; gzip'ed.

    Raises:
        LabmeshError: The crate is damaged, or does not hold the whole ledger from offset 0 on: says
            how many bodies are withheld, and why.
    """
    raise NotImplementedError
