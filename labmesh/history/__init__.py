"""The life of a sample: from the bottles it was mixed from to the last that was made of it.

`labmesh.history.picture`, ``page`` and ``linked`` write it; they import what takes time to load.
"""

from labmesh.history._gather import Gathered
from labmesh.history._read import MOST, read_history
from labmesh.history._text import tree_lines
from labmesh.history._types import Event, History, Life, Span

__all__ = ["MOST", "Event", "Gathered", "History", "Life", "Span", "read_history", "tree_lines"]
