"""The tables of docs/security.md, made of the one in the code.

``python -m tests.security.roles_page`` brings the page up to date.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from labmesh.security import READING, RIGHTS, Role

PAGE: Final = Path(__file__).parents[2] / "docs/security.md"
_PART: Final = re.compile(r"(<!-- (made by|reading).*?-->\n).*?(<!-- end -->)", re.DOTALL)
_PREFIX: Final = {Role.BRIDGE: "`{realm}/{site}/`", Role.ADMINISTRATOR: "`{realm}/`"}
_CALLS: Final = frozenset(f"call/+/+/{name}" for name in READING)


def roles() -> str:
    """Return the table of roles."""
    lines = ["| role | for | publishes | below |", "|---|---|---|---|"]
    for role, rights in RIGHTS.items():
        kinds = [f"`{each}`" for each in rights.writes if each not in _CALLS]
        if set(rights.writes) >= _CALLS:
            kinds.insert(0, "`call` of reading services,")
        below = _PREFIX.get(role, "`{realm}/{site}/{node}/`")
        lines.append(f"| {role} | {rights.is_for} | {' '.join(kinds)} | {below} |")
    return "\n".join(lines) + "\n"


def reading() -> str:
    """Return the services that everybody may call."""
    return " ".join(f"`{name}`" for name in READING) + "\n"


def page(text: str) -> str:
    """Return the page with its tables up to date."""

    def fill(found: re.Match[str]) -> str:
        return found[1] + (roles() if found[2] == "made by" else reading()) + found[3]

    return _PART.sub(fill, text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
