"""An archiver node that dies at the point that its environment names."""

from __future__ import annotations

import os
from pathlib import Path

from labmesh import NodeOptions
from nodes.archiver import ArchiverNode
from tests.nodes.archiver.points import Points, install


class KilledArchiver(ArchiverNode):
    """As the real one; LABMESH_TEST_POINT is the number of its last point, 0 for none."""

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        told = os.environ.get("LABMESH_TEST_POINTS")
        point = Points(int(os.environ["LABMESH_TEST_POINT"]), Path(told) if told else None)
        install(point, files_below=self.data_dir)
