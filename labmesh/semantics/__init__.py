"""What the ledger holds, in the terms of the field: linked data, offline and checked by shapes."""

from labmesh.semantics import iris
from labmesh.semantics._check import Violation, check
from labmesh.semantics._context import CONTEXT_FILE, context
from labmesh.semantics._describer import Describer
from labmesh.semantics._entry import DATA, Entry
from labmesh.semantics._excerpt import excerpt
from labmesh.semantics._export import FORMATS, Exported, Format, export_linked_data
from labmesh.semantics._find import Concept
from labmesh.semantics._gaps import Gap, gaps
from labmesh.semantics._vocabulary import Vocabulary, ontology, read_vocabulary, vocabulary

__all__ = [
    "CONTEXT_FILE",
    "DATA",
    "FORMATS",
    "Concept",
    "Describer",
    "Entry",
    "Exported",
    "Format",
    "Gap",
    "Violation",
    "Vocabulary",
    "check",
    "context",
    "excerpt",
    "export_linked_data",
    "gaps",
    "iris",
    "ontology",
    "read_vocabulary",
    "vocabulary",
]
