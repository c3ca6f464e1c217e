"""Bags: recordings of topics in MCAP files, to look at, to play again, and to keep.

A bag is a recording of what was published; the ledger, not a bag, is the record of what was asked
and measured.
"""

from labmesh.bag._convert import Cut, convert, table
from labmesh.bag._info import BagInfo, Numbers, TopicCount, examine
from labmesh.bag._json import from_json, to_json
from labmesh.bag._mapping import PlayMap
from labmesh.bag._player import Played, Player, Timing
from labmesh.bag._reader import Bag, open_bags
from labmesh.bag._record import JSON, MSGPACK, RAW, BagChannel, BagMessage
from labmesh.bag._recorder import FLUSH, Progress, Recorder, Splitting
from labmesh.bag._schema import envelope_schema
from labmesh.bag._select import Selection, covers, overlap
from labmesh.bag._sinks import AsRecorded, BelowPrefix, Sink
from labmesh.bag._types import TypeSchemas
from labmesh.bag._writer import BagWriter, Compression, Encoding, Writing

__all__ = [
    "FLUSH",
    "JSON",
    "MSGPACK",
    "RAW",
    "AsRecorded",
    "Bag",
    "BagChannel",
    "BagInfo",
    "BagMessage",
    "BagWriter",
    "BelowPrefix",
    "Compression",
    "Cut",
    "Encoding",
    "Numbers",
    "PlayMap",
    "Played",
    "Player",
    "Progress",
    "Recorder",
    "Selection",
    "Sink",
    "Splitting",
    "Timing",
    "TopicCount",
    "TypeSchemas",
    "Writing",
    "convert",
    "covers",
    "envelope_schema",
    "examine",
    "from_json",
    "open_bags",
    "overlap",
    "table",
    "to_json",
]
