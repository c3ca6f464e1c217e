"""Files of battery cyclers: recognised by content, read into one canonical table, checked."""

from nodes.cycler.files._arbin import parts_of
from nodes.cycler.files._check import Check
from nodes.cycler.files._columns import COLUMNS, ONTOLOGY, ONTOLOGY_VERSION, Column
from nodes.cycler.files._csvw import csvw
from nodes.cycler.files._dqdv import differential_capacity
from nodes.cycler.files._errors import UnreadableFileError
from nodes.cycler.files._formats import FORMATS
from nodes.cycler.files._parquet import read_parquet, write_parquet
from nodes.cycler.files._read import CyclerData, format_names, read_cycler_file
from nodes.cycler.files._recording import Accumulators, Metadata, Recording, Remark
from nodes.cycler.files._report import report
from nodes.cycler.files._source import Format, Head, Recognition, Source
from nodes.cycler.files._summary import CYCLE_COLUMNS, Summary

__all__ = [
    "COLUMNS",
    "CYCLE_COLUMNS",
    "FORMATS",
    "ONTOLOGY",
    "ONTOLOGY_VERSION",
    "Accumulators",
    "Check",
    "Column",
    "CyclerData",
    "Format",
    "Head",
    "Metadata",
    "Recognition",
    "Recording",
    "Remark",
    "Source",
    "Summary",
    "UnreadableFileError",
    "csvw",
    "differential_capacity",
    "format_names",
    "parts_of",
    "read_cycler_file",
    "read_parquet",
    "report",
    "write_parquet",
]
