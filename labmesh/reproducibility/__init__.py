"""What a result says of how to make it again: code, machine, seeds, data, and a hash over all.

The worker part of a node adds it to the results of its models by itself; a model adds what only it
knows (`Order.reproducible`). Results that nobody asked for are told by `reproducible`.
"""

from labmesh.reproducibility._code import code_of, versions
from labmesh.reproducibility._hardware import hardware, hardware_words, operator
from labmesh.reproducibility._note import metadata_sha256, note_of, reproducible, sealed
from messages.reproducibility import REPRODUCIBILITY, RESTS_ON_SIMULATED, Recipe, Reproducibility

__all__ = [
    "REPRODUCIBILITY",
    "RESTS_ON_SIMULATED",
    "Recipe",
    "Reproducibility",
    "code_of",
    "hardware",
    "hardware_words",
    "metadata_sha256",
    "note_of",
    "operator",
    "reproducible",
    "sealed",
    "versions",
]
