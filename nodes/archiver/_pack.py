"""A crate's files as an archive takes them: flat, and few.

Those at the top of the crate keep their names. Those of ``data/`` go into one zip for each segment
of the ledger, by the offset of their result, so that the zip of a full segment never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

_SEGMENT: Final = 1000
"""Offsets of a segment, as of a crate's ledger files."""

_WHEN: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip knows: the same content gives the same bytes."""

_PACKED: Final = (".zip", ".gz", ".parquet", ".png", ".jpg", ".aiida", ".xlsx", ".ndax")
"""Endings of what would not become smaller."""


def upload_set(crate: Path, files: Iterable[tuple[str, str]], packs: Path) -> list[Path]:
    """Return what is uploaded of a crate; writes zips into ``packs``. Blocks.

    Args:
        crate: The crate's folder.
        files: Path (with ``/``) and sha256 of each of its files.
        packs: A folder of its own. A zip in it that is as it should be is not written again;
            zips that are not needed any more are deleted.
    """
    top, below = [], defaultdict(list)
    segments = _segments(crate / "results.json")
    for path, sha256 in sorted(files):
        words = path.split("/")
        if len(words) == 1:
            top.append(crate / path)
        else:
            result = words[1]
            below[segments.get(result, 0)].append((path, sha256))
    packs.mkdir(parents=True, exist_ok=True)
    made = [_pack(crate, number, content, packs) for number, content in sorted(below.items())]
    kept = {each.name for each in made} | {f"{each.name}.key" for each in made}
    for old in packs.iterdir():
        if old.name not in kept:
            old.unlink()
    return [*top, *made]


def _segments(results: Path) -> dict[str, int]:
    """Return the segment of each result by its uuid."""
    if not results.exists():
        return {}
    listed = json.loads(results.read_text(encoding="utf-8"))
    return {str(each["id"]): int(each["offset"]) // _SEGMENT for each in listed}


def _pack(crate: Path, number: int, content: list[tuple[str, str]], packs: Path) -> Path:
    target = packs / f"data-{number:06d}.zip"
    key = packs / f"{target.name}.key"
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    if target.exists() and key.exists() and key.read_text() == digest:
        return target
    key.unlink(missing_ok=True)
    part = packs / f"{target.name}.part"
    with part.open("wb") as file:
        with zipfile.ZipFile(file, "w") as pack:
            for path, _ in content:
                _add(pack, crate / path, path)
        _to_disk(file)
    part.replace(target)
    # Only now: a zip without its key is made again, whatever became of it in a loss of power.
    with part.open("wb") as file:
        file.write(digest.encode())
        _to_disk(file)
    part.replace(key)
    return target


def _add(pack: zipfile.ZipFile, source: Path, name: str) -> None:
    about = zipfile.ZipInfo(name, _WHEN)
    about.external_attr = 0o644 << 16
    packed = name.lower().endswith(_PACKED)
    about.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    with source.open("rb") as file, pack.open(about, "w") as into:
        while piece := file.read(1 << 20):
            into.write(piece)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
