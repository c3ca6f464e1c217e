from __future__ import annotations

from tests.messages import golden


def test_no_schema_changed_without_intent() -> None:
    pinned, present = golden.read(), golden.hashes()
    changed = sorted(n for n in pinned.keys() | present.keys() if pinned.get(n) != present.get(n))
    assert not changed, (
        f"schemas differ from {golden.FILE.name}: {', '.join(changed)}. A node with another schema "
        "is refused by this one: raise the version of the type, then run "
        "`python -m tests.messages.golden` and commit the file with the change"
    )
