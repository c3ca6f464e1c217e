"""What `labmesh doctor` looks at, one file a concern."""

from labmesh.cli._doctor._examine import examine
from labmesh.cli._doctor._finding import Finding, Grade

__all__ = ["Finding", "Grade", "examine"]
