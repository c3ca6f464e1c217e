"""A history as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Final

from labmesh.history._text import details, flags, title
from labmesh.history._times import exact, moment
from labmesh.history._types import Event, History, Life
from labmesh.history.picture import svg_of

_COLUMNS: Final = ("time", "state", "place", "by", "result", "besides")
_HEAD: Final = (
    "<table><thead><tr>" + "".join(f"<th>{name}</th>" for name in _COLUMNS) + "</tr></thead><tbody>"
)


def history_page(history: History) -> str:
    """Return the page: the picture, and below it every sample with everything that befell it."""
    style = (files("labmesh.history") / "data" / "page.css").read_text(encoding="utf-8")
    depths = history.generation()
    lives = "\n".join(_life(life, history, depths[life.sample]) for life in history.ordered())
    name = escape(history.sample)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>History of {name}</title>
<style>
{style}</style>
</head>
<body>
<h1>History of {name}</h1>
<p>{escape(_summary(history))}</p>
<figure>{svg_of(history)}</figure>
<main>
{lives}
</main>
</body>
</html>
"""


def _summary(history: History) -> str:
    events = [event for life in history.lives.values() for event in life.events]
    real = sum(not event.simulated and not event.rests_on_simulated for event in events)
    times = [event.at for event in events]
    span = f" from {moment(min(times))} to {moment(max(times))} by the lab's clock" if times else ""
    return (
        f"{len(history.lives)} samples, {len(events)} events{span}; "
        f"{len(events) - real} of them simulated or computed from simulated data."
    )


def _life(life: Life, history: History, depth: int) -> str:
    own = ' class="own"' if life.sample == history.sample else ""
    of = ", ".join(_link(each, history) for each in life.parents)
    became = ", ".join(_link(each, history) for each in life.children)
    lines = [f'<section id="{escape(life.sample)}" style="--depth:{depth}"{own}>']
    lines.append(f"<h2>{escape(life.sample)} <small>{escape(life.kind)}</small></h2>")
    if of:
        lines.append(f"<p>made of {of}</p>")
    lines.append(_HEAD)
    lines += [_event(event) for event in life.events]
    lines.append("</tbody></table>")
    if became:
        lines.append(f"<p>became {became}</p>")
    lines.append("</section>")
    return "\n".join(lines)


def _link(sample: str, history: History) -> str:
    name = escape(sample)
    return f'<a href="#{name}">{name}</a>' if sample in history.lives else name


def _event(event: Event) -> str:
    mark = "made-up" if flags(event) else "real"
    who = event.instrument or event.author
    words = ", ".join(filter(None, (flags(event), details(event))))
    cells = (
        f'<time datetime="{exact(event.at)}">{escape(moment(event.at))}</time>',
        escape(title(event)),
        escape(event.location),
        escape(f"{event.quantity}/{event.method} by {who}"),
        f"<code>{event.result}</code>",
        escape(words),
    )
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{event.kind} {mark}">{row}</tr>'
