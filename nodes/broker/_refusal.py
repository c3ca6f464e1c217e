"""Why the ledger does not take a message."""

from __future__ import annotations

from typing import Final

from messages.errors import RefusedError

CODES: Final = frozenset(
    {
        "malformed", "unknown_type", "schema", "body", "forged", "topic", "too_large", "conflict",
        "capability", "parameters", "offer", "expired", "sample", "request", "author", "ended",
        "token", "data", "result", "decision", "access", "internal",
    }
)  # fmt: skip
"""What refusals are counted by (`ledger.stats`)."""


class Refusal(RefusedError):  # noqa: N818 - what it is called in the lab
    """A message is not taken; its author gets ``str(self)`` as the reason.

    Args:
        code: One of `CODES`.
        what: What is wrong, naming the field.
        remedy: What the author can do.
    """

    def __init__(self, code: str, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.code = code
