"""What may go wrong with an archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messages.errors import LabmeshError


class ArchiveError(LabmeshError):
    """An archive refused, or cannot be had.

    Args:
        retryable: Whether the same may succeed later, with nothing changed by anybody.
        status: The HTTP status of the answer; 0 where there was none.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        retryable: bool = False,
        status: int = 0,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.retryable = retryable
        self.status = status


class UnsureError(ArchiveError):
    """No answer came, or one that leaves open whether the archive has done what it was asked.

    Whoever catches it looks at what the archive has before asking again.
    """


def refusal(status: int, body: Any, where: str) -> ArchiveError:
    """Return an answer that is no success as an error that names each field and its message.

    Args:
        status: HTTP status.
        body: The decoded answer, whatever it is.
        where: Method and path.
    """
    said = body if isinstance(body, Mapping) else {}
    complaints = complaints_of(said)
    message = str(said.get("message", "") or "no reason given").rstrip(".")
    return ArchiveError(
        f"the archive answers {status}: {complaints or message}"[:2000],
        where=where,
        remedy=_remedy(status, complaints, message),
        status=status,
    )


def complaints_of(body: Any) -> str:
    """Return ``errors`` of a body as ``field: message``, separated by semicolons; often empty.

    A draft whose metadata is wrong is accepted with 201, its bad field is dropped, and nothing but
    this list says so; publishing may then succeed without the field.
    """
    errors = body.get("errors") if isinstance(body, Mapping) else None
    if not errors:
        return ""
    if not isinstance(errors, list):
        return str(errors)
    return "; ".join(_complaint(each) for each in errors)


def _complaint(error: Any) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    messages = error.get("messages") or [error.get("message", "")]
    words = " ".join(str(each) for each in messages) if isinstance(messages, list) else messages
    return f"{error.get('field', '?')}: {words}"


def _remedy(status: int, complaints: str, message: str) -> str:
    if status in (401, 403) and "locked" not in message:
        return (
            "check that the token is this archive's, has not expired, and may write and publish "
            "(Zenodo: deposit:write and deposit:actions)"
        )
    if 300 <= status < 400:
        return "the address leads elsewhere: is it that of the API, with its base path?"
    if status == 413:
        return "the archive takes no file or record of that size; ask its operators"
    if complaints or status == 400:
        return "correct the campaign's description file"
    return ""
