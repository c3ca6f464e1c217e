"""The life of a sample: from the bottles it was mixed from to the last that was made of it."""

from labmesh.history._read import read_history
from labmesh.history._types import Event, History, Life, Span

__all__ = ["Event", "History", "Life", "Span", "read_history"]
