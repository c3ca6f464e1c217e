"""Files of battery cyclers: recognised by content, read into one canonical table, checked."""

from nodes.cycler.files._columns import COLUMNS, ONTOLOGY, ONTOLOGY_VERSION, Column
from nodes.cycler.files._errors import UnreadableFileError
from nodes.cycler.files._formats import FORMATS
from nodes.cycler.files._read import CyclerData, format_names, read_cycler_file
from nodes.cycler.files._recording import Accumulators, Metadata, Recording, Remark
from nodes.cycler.files._source import Format, Head, Recognition, Source

__all__ = [
    "COLUMNS",
    "FORMATS",
    "ONTOLOGY",
    "ONTOLOGY_VERSION",
    "Accumulators",
    "Column",
    "CyclerData",
    "Format",
    "Head",
    "Metadata",
    "Recognition",
    "Recording",
    "Remark",
    "Source",
    "UnreadableFileError",
    "format_names",
    "read_cycler_file",
]
