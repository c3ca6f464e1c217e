"""The search page: one form, one table; nothing is fetched from elsewhere, nothing runs."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import urlencode

from nodes.search._services import Findings, Found
from nodes.search._table import COLUMNS, row, understanding

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222}
h1{font-size:1.3rem} input[type=search]{width:60%;font:inherit;padding:.4rem}
button{font:inherit;padding:.4rem 1rem} table{border-collapse:collapse;width:100%;margin-top:1rem}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}
td:nth-child(2){font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.9em} .note{color:#555} .problem{color:#a00}
@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}a{color:#8ab4f8}
th,td{border-color:#444}.note{color:#aaa}}
"""
_EXAMPLE: Final = "ionic conductivity of electrolytes containing LiPF6 above 1 S/m at 298 K"


def html(node: str, text: str, like: str, found: Findings | None, problem: str) -> str:
    """Return the page.

    Args:
        node: Who answers.
        text: The question, or empty.
        like: What related values are shown of, or empty.
        found: The answer; None: nothing was asked.
        problem: Why there is none.
    """
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>Search · {escape(node)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Search the record of {escape(node.partition('/')[0])}</h1>",
        "<form action=/ method=get role=search>",
        f"<input type=search name=q value='{escape(text)}' placeholder='{escape(_EXAMPLE)}'",
        " aria-label='What to look for' autofocus> <button>Search</button></form>",
    ]
    if problem:
        parts.append(f"<p class=problem>{escape(problem)}</p>")
    if found is not None:
        parts += _answer(text, like, found)
    else:
        parts.append(
            f"<p class=note>For example: <a href='/?{_link(q=_EXAMPLE)}'>{escape(_EXAMPLE)}</a></p>"
        )
    parts.append(
        "<p class=note>Also here: SPARQL 1.1 at <code>/sparql?query=</code>, JSON at "
        "<code>/results?text=</code> and <code>/related?like=</code>, "
        "<a href=/status>status</a>.</p></body></html>\n"
    )
    return "".join(parts)


def _answer(text: str, like: str, found: Findings) -> list[str]:
    parts = [f"<p class=note>{escape(line)}</p>" for line in understanding(found)]
    if like:
        parts.append(f"<p class=note>Nearest to <code>{escape(like)}</code>.</p>")
    if not found.found:
        return [*parts, "<p>Nothing was found.</p>"]
    heads = "".join(f"<th>{escape(name)}</th>" for name in (*COLUMNS, ""))
    parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>")
    parts += [_row(each) for each in found.found]
    parts.append("</tbody></table>")
    if found.next is not None:
        more = _link(q=text, after=str(found.next))
        parts.append(f"<p><a href='/?{more}'>More</a></p>")
    return parts


def _row(each: Found) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row(each))
    related = (
        f"<td><a href='/?{_link(like=each.result)}'>related</a></td>" if each.result else "<td>"
    )
    return f"<tr>{cells}{related}</tr>"


def _link(**fields: str) -> str:
    return escape(urlencode(fields))
