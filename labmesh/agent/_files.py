"""The files of a launch in the agent's folder: staged, taken over, put back."""

from __future__ import annotations

import shutil
from pathlib import Path

from labmesh.agent._bundle import Bundle


class LaunchFiles:
    """Where bundles are unpacked.

    The files of the launch always lie in the same place, so that a path to one of them (a node's
    parameter, say) is the same after a reload that left it alone.

    Args:
        folder: The agent's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.current = folder / "bundle"
        self.staged = folder / "bundle.staged"
        self._former = folder / "bundle.former"
        if not self.current.exists():
            self.put_back()  # killed in the middle of a change

    def stage(self, bundle: Bundle) -> Path:
        """Unpack a bundle beside those of the launch; return its launch file's path."""
        return bundle.write(self.staged)

    def take_over(self) -> None:
        """Put what is staged in the place of the launch's files."""
        shutil.rmtree(self._former, ignore_errors=True)
        if self.current.exists():
            self.current.rename(self._former)
        self.staged.rename(self.current)

    def put_back(self) -> None:
        """Undo the last `take_over`."""
        if self._former.exists():
            shutil.rmtree(self.current, ignore_errors=True)
            self._former.rename(self.current)
