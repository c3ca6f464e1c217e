"""Titles and texts of things, for people who read them in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from nodes.eln._story import Result, Sample, Story
from nodes.eln._variables import Variable

_ROWS: Final = 60
"""Values that a text shows."""

_SHOWN: Final = 13
"""First characters of an id in a title, as many as the command line shows."""


def when(nanoseconds: int) -> str:
    """Return a point in time as ISO 8601, UTC, whole seconds."""
    return datetime.fromtimestamp(nanoseconds // 10**9, tz=UTC).isoformat()


def sample_title(sample: Sample) -> str:
    """Return what a sample is called."""
    return f"{_spelt(sample.kind)} {sample.id}"


def result_title(result: Result) -> str:
    """Return what a result is called."""
    quantity, method = result.capability
    of = f" of {', '.join(result.about[:2])}" if result.about else ""
    more = f" and {len(result.about) - 2} more" if len(result.about) > 2 else ""
    return f"{_spelt(quantity)} by {_spelt(method).lower()}{of}{more} ({result.id[:_SHOWN]})"


def sample_line(sample: Sample) -> str:
    """Return one sentence about a sample."""
    last = sample.states[-1]
    made = f", made of {', '.join(sample.parents)}" if sample.parents else ""
    there = f", at {last.location}" if last.location else ""
    return f"{_simulated(sample.simulated)}{_spelt(sample.kind)}{made}; {last.label}{there}."


def result_line(result: Result) -> str:
    """Return one sentence about a result."""
    quantity, method = result.capability
    failure = result.body.get("failure")
    ended = f"failed: {failure['message']}" if failure else "resolved"
    return (
        f"{_simulated(result.simulated)}{_spelt(quantity)} by {_spelt(method).lower()}, "
        f"by {result.entry.author}, {when(result.begun)}; {ended}."
    )


def sample_text(sample: Sample) -> str:
    """Return a sample as HTML: its states, each with its time."""
    rows = [
        (str(each.index), each.label, when(each.at), each.location, each.result[:_SHOWN])
        for each in sample.states
    ]
    return (
        f"<p>{escape(sample_line(sample))}</p>"
        + _note(sample.simulated)
        + _table(("state", "label", "when (UTC)", "where", "result"), rows)
    )


def result_text(result: Result, values: list[Variable]) -> str:
    """Return a result as HTML: who, when, with what, and its values."""
    provenance, rating = result.body["provenance"], result.body.get("rating")
    facts = [
        ("by", result.entry.author),
        ("begun", when(result.begun)),
        ("ended", when(result.ended)),
        ("instrument", provenance.get("instrument", "")),
        ("software", provenance.get("software", "")),
        ("rating", f"{rating['rating']} of 5: {rating['reason']}" if rating else ""),
        ("samples", ", ".join(result.about)),
        ("identifier", result.id),
    ]
    text = f"<p>{escape(result_line(result))}</p>" + _note(result.simulated)
    if result.withheld_files:
        ask = f" Ask {result.access.contact} for access." if result.access.contact else ""
        text += (
            f"<p>Restricted: {result.withheld_files} files are not included."
            f"{escape(ask)}</p>"
        )  # fmt: skip
    text += _table(("what", "which"), [fact for fact in facts if fact[1]])
    shown = values[:_ROWS]
    text += _table(("quantity", "value"), [(each.path, each.words) for each in shown])
    if len(values) > len(shown):
        text += f"<p>The first {_ROWS} values; all of them are in result.json.</p>"
    return text


def campaign_line(story: Story) -> str:
    """Return one sentence about a campaign."""
    left = f" {story.withheld} confidential ones are left out." if story.withheld else ""
    return (
        f"Campaign {story.campaign}: {len(story.results)} results and {len(story.samples)} "
        f"samples of a ledger of Labmesh.{left}"
    )


def _spelt(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _simulated(simulated: bool) -> str:
    return "Simulated: " if simulated else ""


def _note(simulated: bool) -> str:
    return "<p><strong>Simulated: no real instrument or sample.</strong></p>" if simulated else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
