"""Recorded instruments: what a ledger holds is answered again, for a campaign that is run again."""

from nodes.recorded._node import RecordedNode, RecordedParameters
from nodes.recorded._record import Answer, Record, RecordedCapability, read_record

__all__ = [
    "Answer",
    "Record",
    "RecordedCapability",
    "RecordedNode",
    "RecordedParameters",
    "read_record",
]
