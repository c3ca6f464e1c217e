"""Reading a history from a record."""

from __future__ import annotations

from collections.abc import Callable

from labmesh.history._types import History, Span
from labmesh.record import Record

Tell = Callable[[int, int], None]


async def read_history(
    record: Record, sample: str, span: Span, *, tell: Tell = lambda _done, _total: None
) -> History:
    """Return the history of a sample.

    Raises:
        LabmeshError: There is no such sample, or more than `MOST` hang together.
    """
    raise NotImplementedError
