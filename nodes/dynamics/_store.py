"""A run's folder: one file a segment, written whole or not at all.

A segment's file holds what was sampled and the state that it ended in. So a run that was broken
off at any moment goes on after its last file, and nothing is counted twice.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from messages.errors import StoreError
from nodes.dynamics._plan import RunPlan


@dataclass(frozen=True)
class Record:
    """A segment that was computed.

    Attributes:
        arrays: Samples by name: ``volume`` (nm3), ``potential`` (kJ/mol), ``temperature`` (K),
            one a frame; ``histogram`` (frames, pairs, bins), ``ions`` (frames, ions, 3) in nm.
        state: The OpenMM State at its end, XML.
        about: Phase, steps, platform, precision, versions, seed, wall seconds.
    """

    arrays: Mapping[str, NDArray[Any]]
    state: str
    about: Mapping[str, Any]


class RunFolder:
    """A run on disk.

    Args:
        path: Its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, plan: RunPlan) -> None:
        """Make the folder and note the plan, unless both are there.

        Raises:
            StoreError: It cannot be written, or holds another plan.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not (self.path / "plan.json").exists():
                _write(self.path / "plan.json", plan.text().encode())
            found = self.plan()
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(
                f"the run's folder cannot be used: {error}", where=str(self.path)
            ) from error
        if found != plan:
            raise StoreError(
                "the folder holds another run", where=str(self.path), remedy="move it away"
            )

    def plan(self) -> RunPlan:
        """Return the run's plan."""
        return RunPlan.read((self.path / "plan.json").read_text(encoding="utf-8"))

    @contextmanager
    def locked(self, patience: float = 10.0) -> Iterator[None]:
        """Hold the run for this process, at the longest until it ends.

        Args:
            patience: Wall seconds to wait for another: that of a node that was killed ends soon.

        Raises:
            StoreError: Another process holds it.
        """
        until = time.monotonic() + patience
        with (self.path / "lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise StoreError(
                            "another process computes this run", where=str(self.path)
                        ) from None
                time.sleep(0.1)
            yield

    @property
    def done(self) -> int:
        """Segments that are on disk, counted from the first without a gap."""
        count = 0
        while self._file(count).exists():
            count += 1
        return count

    @property
    def complete(self) -> bool:
        """Whether nothing is left to compute."""
        try:
            plan = self.plan()
        except (OSError, ValueError, TypeError):
            return False
        return self.done == len(plan.segments()) and (self.path / "box.pdb").exists()

    def write(self, number: int, record: Record) -> None:
        """Keep a segment; when this returns it is on the disk."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            allow_pickle=False,
            **dict(record.arrays),
            _state=np.frombuffer(record.state.encode(), dtype=np.uint8),
            _about=np.frombuffer(json.dumps(dict(record.about)).encode(), dtype=np.uint8),
        )
        _write(self._file(number), buffer.getvalue())

    def write_text(self, name: str, text: str) -> None:
        """Keep a text beside the segments."""
        _write(self.path / name, text.encode())

    def read(self, number: int) -> Record:
        """Return a segment.

        Raises:
            StoreError: It is damaged.
        """
        try:
            with self._file(number).open("rb") as source, np.load(source) as file:
                arrays = {name: file[name] for name in file.files}
            state = arrays.pop("_state").tobytes().decode()
            about = json.loads(arrays.pop("_about").tobytes().decode())
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise StoreError(
                f"a segment cannot be read: {error}",
                where=str(self._file(number)),
                remedy="delete this file and the later ones: they are computed again",
            ) from error
        return Record(arrays, state, about)

    def records(self) -> Iterator[Record]:
        """Yield all segments in order."""
        for number in range(self.done):
            yield self.read(number)

    def _file(self, number: int) -> Path:
        return self.path / f"segment-{number:05}.npz"


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
