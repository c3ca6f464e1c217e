"""Large files that belong to results: kept by their author, taken over by the broker node."""

from labmesh.artifacts._desk import ArtifactDesk
from labmesh.artifacts._download import WrongContentError, download
from labmesh.artifacts._folder import LARGEST, ArtifactFolder, Stored, digest_of
from labmesh.artifacts._keeper import RETENTION
from labmesh.artifacts._link import BulkLink
from labmesh.artifacts._names import file_name
from labmesh.artifacts._pace import RATE, Pace
from labmesh.artifacts._pieces import Pieces
from labmesh.artifacts._server import ArtifactServer

__all__ = [
    "LARGEST",
    "RATE",
    "RETENTION",
    "ArtifactDesk",
    "ArtifactFolder",
    "ArtifactServer",
    "BulkLink",
    "Pace",
    "Pieces",
    "Stored",
    "WrongContentError",
    "digest_of",
    "download",
    "file_name",
]
