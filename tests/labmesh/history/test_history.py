"""The life of a recorded cell, from its bottles to its prediction."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from labmesh.history import History, Span, read_history, tree_lines
from labmesh.history._layout import layout
from labmesh.history.linked import history_document
from labmesh.history.page import history_page
from labmesh.history.picture import draw_history
from labmesh.record import FileRecord, file_record
from messages.errors import LabmeshError
from messages.ledger import EntryKind
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> FileRecord:
    return file_record(str(recorded_lab(EOL, tmp_path_factory.mktemp("eol")).ledger))


async def samples(record: FileRecord, kind: str) -> list[str]:
    births = [entry async for entry in record.entries(kinds=[EntryKind.SAMPLE])]
    bodies = [entry.body for entry in births if entry.body is not None]
    return [body["sample"] for body in bodies if body["kind"] == kind and body["state"] == 0]


async def cell_of(record: FileRecord) -> History:
    return await read_history(record, (await samples(record, "coin_cell"))[0], Span())


async def test_a_cell_goes_back_to_its_bottles_and_on_to_its_prediction(record: FileRecord) -> None:
    found = await cell_of(record)
    (vial,) = found.lives[found.sample].parents
    bottles = set(found.back) - {vial}
    assert bottles
    assert bottles <= set(await samples(record, "stock_solution"))
    kinds = [found.generation()[life.sample] for life in found.ordered()]
    assert kinds == sorted(kinds)
    assert found.ordered()[-1].sample == found.sample
    own = found.lives[found.sample].events
    assert [event.label for event in own if event.kind == "state"] == [
        "assembled", "assembled", "formed", "discharged",
    ]  # fmt: skip
    touches = [(event.quantity, event.method) for event in own if event.kind == "touch"]
    assert touches == [
        ("degradation_eol", "degradation_model"), ("degradation_eol", "degradation_workflow"),
    ]  # fmt: skip
    cycled = next(event for event in own if event.label == "formed")
    assert cycled.simulated
    assert cycled.protocol
    assert len(cycled.protocol_hash) == 64
    assert all(a.at <= b.at for a, b in pairwise(own))
    for bottle in bottles:
        words = [event.words for event in found.lives[bottle].events]
        assert f"taken for {vial}" in words


async def test_forward_from_a_bottle_is_every_cell_that_holds_of_it(record: FileRecord) -> None:
    cells = set(await samples(record, "coin_cell"))
    cell = await cell_of(record)
    (vial,) = cell.lives[cell.sample].parents
    bottle = next(iter(set(cell.back) - {vial}))
    forward = await read_history(record, bottle, Span(back=False))
    assert set(forward.forward) >= cells | {vial}
    assert not forward.back
    backward = await read_history(record, vial, Span(forward=False))
    assert not backward.forward
    assert not any(e.words.startswith("taken for cell") for e in backward.lives[vial].events)


async def test_a_span_of_time_leaves_out_what_is_outside_of_it(record: FileRecord) -> None:
    whole = await cell_of(record)
    times = sorted(event.at for life in whole.lives.values() for event in life.events)
    middle = times[len(times) // 2]
    late = await read_history(record, whole.sample, Span(since=middle))
    early = await read_history(record, whole.sample, Span(until=middle - 1))
    count = sum(len(life.events) for life in whole.lives.values())
    parts = [sum(len(life.events) for life in found.lives.values()) for found in (late, early)]
    assert sum(parts) == count
    assert all(parts)
    assert layout(early).dots  # lanes without an event are left out


async def test_measured_and_thrown_away_is_a_life_too(tmp_path: Path) -> None:
    lab = file_record(str(recorded_lab(CONDUCTIVITY, tmp_path).ledger))
    vial = (await samples(lab, "electrolyte"))[0]
    found = await read_history(lab, vial, Span())
    (event,) = found.lives[vial].events
    assert (event.quantity, event.label) == ("conductivity", "measured")
    assert found.back


async def test_an_unknown_sample_is_named(record: FileRecord) -> None:
    with pytest.raises(LabmeshError, match="no sample nobody"):
        await read_history(record, "nobody", Span())


async def test_the_tree_marks_the_sample_and_says_everything(record: FileRecord) -> None:
    found = await cell_of(record)
    lines = list(tree_lines(found, str))
    (own,) = [line for line in lines if line.lstrip().startswith("* ")]
    assert found.sample in own
    text = "\n".join(lines)
    for life in found.lives.values():
        for event in life.events:
            assert str(event.result) in text
            assert f"{event.quantity}/{event.method}" in text
    assert re.search(r"big_map_standard [0-9a-f]{12}\b", text)
    assert "simulated" in text


async def test_what_is_made_stands_after_what_it_was_made_of(record: FileRecord) -> None:
    found = layout(await cell_of(record))
    assert found.births
    assert all(parent.x < child.x for parent, child in found.births)
    assert len({(dot.x, dot.y) for dot in found.dots}) == len(found.dots)


async def test_a_picture_of_every_kind(record: FileRecord, tmp_path: Path) -> None:
    found = await cell_of(record)
    for name, begin in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("b.svg", b"<?xml")):
        draw_history(found, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
    with pytest.raises(ValueError, match="xyz"):
        draw_history(found, tmp_path / "a.xyz")
    assert not (tmp_path / "a.xyz").exists()


class Page(HTMLParser):
    """Reads a page as strictly as a parser can: what is opened is closed, nothing is fetched."""

    EMPTY = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href"):
                self.links.append(str(value))
            if name == "id":
                self.ids.add(str(value))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open
    return page


async def test_the_page_is_whole_and_fetches_nothing(record: FileRecord) -> None:
    found = await cell_of(record)
    text = history_page(found)
    page = read_page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    # Only places within the page are referred to: nothing is fetched, by style neither.
    assert page.links
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not re.search(r"url\((?!#)|@import", text)
    shown = " ".join(page.text)
    for life in found.lives.values():
        assert life.sample in page.ids
        for event in life.events:
            assert str(event.result) in shown


async def test_words_of_people_cannot_become_a_part_of_the_page(record: FileRecord) -> None:
    found = await cell_of(record)
    life = found.lives[found.sample]
    bad: Any = "<script>alert(1)</script>"
    life.events = tuple(replace(event, words=bad, location=bad) for event in life.events)
    page = read_page(history_page(found))
    assert "script" not in page.tags
    assert bad in " ".join(page.text)


async def test_what_is_confidential_is_left_out_of_linked_data(record: FileRecord) -> None:
    class Declared:
        """The recorded lab, and after it a word that the cell is confidential."""

        def __init__(self, sample: str) -> None:
            self.sample = sample

        async def entries(self, *arguments: Any, **options: Any) -> Any:
            result = None
            async for entry in record.entries(*arguments, **options):
                result = entry if entry.kind is EntryKind.RESULT else result
                yield entry
            assert result is not None
            data = {"subject": "sample", "name": self.sample, "level": "confidential",
                    "person": "Ada"}  # fmt: skip
            body = {"quantity": "access", "method": "declaration", "outcome": "resolved",
                    "data": data, "parameters": {}}  # fmt: skip
            yield replace(result, uuid=uuid4(), offset=result.offset + 10**6, body=body)

    found = await cell_of(record)
    lab: Any = Declared(found.sample)
    document, left = await history_document(lab, found)
    assert left > 4
    assert f"{found.sample}:state:" not in str(document)
    whole, none = await history_document(lab, found, confidential=True)
    assert none == 0
    assert f"{found.sample}:state:3" in str(whole)
