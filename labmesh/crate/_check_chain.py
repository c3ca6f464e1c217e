"""The chain of hashes inside segments and across them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labmesh.crate._record import segment_names
from labmesh.crate._segments import ADDED, Read, faults, read_segment
from labmesh.crate._types import SEGMENT, Finding, Tell, segment_name
from messages.chain import GENESIS
from messages.errors import LabmeshError


def check_chain(folder: Path, head: tuple[int, str] | None, tell: Tell) -> Iterator[Finding]:
    """Yield what does not fit in the chain.

    Args:
        folder: The crate's folder.
        head: Offset and hash of the last entry, as the metadata says.
        tell: Told of the progress, in segments.
    """
    names = segment_names(folder)
    before: Read | None = None
    headers: dict[int, bytes] = {}
    for count, name in enumerate(names):
        tell(count, len(names))
        try:
            segment = read_segment(folder / name)
        except LabmeshError as error:
            yield Finding(name, error.what, "chain")
            before = None
            continue
        yield from (Finding(name, what, "chain") for what in _place(name, segment, before))
        yield from (Finding(name, what, "chain") for what in faults(segment))
        headers |= {each.offset: each.hash for each in segment.entries}
        before = segment
    if not names:
        yield Finding("", "there is no segment of the ledger", "chain")
    elif before is not None and head is not None:
        last = before.entries[-1]
        if (last.offset, last.hash.hex()) != head:
            yield Finding(
                names[-1], f"it ends with entry {last.offset}; the metadata says another", "chain"
            )
    yield from _added(folder, headers)


def _place(name: str, segment: Read, before: Read | None) -> Iterator[str]:
    number, rest = divmod(segment.first, SEGMENT)
    if rest or segment_name(number) != name:
        yield f"it begins with entry {segment.first}, which belongs elsewhere"
    if not segment.entries:
        yield "it holds no entry"
    if segment.first == 0 and segment.previous != GENESIS:
        yield "it does not begin as a ledger does"
    if before is not None and before.entries:
        follows = before.first + len(before.entries)
        if follows == segment.first and before.head != segment.previous:
            yield "it does not follow the segment before it"
        if len(before.entries) != SEGMENT:
            yield f"the segment before it is not full: it ends before entry {follows}"


def _added(folder: Path, headers: dict[int, bytes]) -> Iterator[Finding]:
    if not (folder / ADDED).is_file():
        return
    try:
        found = read_segment(folder / ADDED)
    except LabmeshError as error:
        yield Finding(ADDED, error.what, "chain")
        return
    for entry in found.entries:
        if not entry.sound() or headers.get(entry.offset) != entry.hash:
            yield Finding(ADDED, f"entry {entry.offset} is not the one of its segment", "chain")
