"""What the node needs once there is an order."""

from nodes.dynamics._analysis import analyse
from nodes.dynamics._child import compute
from nodes.dynamics._compose import formulation_of, make_plan
from nodes.dynamics._results import (
    conductivity_output,
    density_output,
    displacement_table,
    notes,
    rdf_output,
    recipe_of,
    table,
)
from nodes.dynamics._store import RunFolder

__all__ = [
    "RunFolder",
    "analyse",
    "compute",
    "conductivity_output",
    "density_output",
    "displacement_table",
    "formulation_of",
    "make_plan",
    "notes",
    "rdf_output",
    "recipe_of",
    "table",
]
