"""What the ledger holds, in the terms of the field: linked data, offline and checked by shapes."""

from labmesh.semantics import iris
from labmesh.semantics._check import Violation, check
from labmesh.semantics._describer import Describer

__all__ = ["Describer", "Violation", "check", "iris"]
