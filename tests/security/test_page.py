"""docs/security.md says what the code does."""

from __future__ import annotations

from labmesh.security import Role
from tests.security import roles_page


def test_the_roles_are_those_of_the_code() -> None:
    text = roles_page.PAGE.read_text(encoding="utf-8")
    assert text == roles_page.page(text), (
        "docs/security.md is not up to date; run `python -m tests.security.roles_page`"
    )
    assert all(f"| {role} |" in text for role in Role)
    assert "`journal.read`" in text
