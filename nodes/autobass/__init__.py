"""AutoBASS: a robot cell that assembles coin cells."""

from nodes.autobass._node import AutobassNode
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._services import (
    AssemblyStatus,
    CellStatus,
    ClearInput,
    ReportInput,
    ReportOutput,
    ScrapInput,
)

__all__ = [
    "AssemblyStatus",
    "AutobassNode",
    "AutobassParameters",
    "CellStatus",
    "ClearInput",
    "ReportInput",
    "ReportOutput",
    "ScrapInput",
]
