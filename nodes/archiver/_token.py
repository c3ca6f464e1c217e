"""The archive's token: read when it is needed, shown nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError

VARIABLE: Final = "LABMESH_ARCHIVE_TOKEN"


def token_of(file: str) -> str:
    """Return the token of a file, or of the environment where no file is named.

    Raises:
        ConfigurationError: There is none, others may read it, or it is not one word.
    """
    if not file:
        token = os.environ.get(VARIABLE, "").strip()
        if not token:
            raise ConfigurationError(
                "there is no token for the archive",
                remedy=f"name its file in the parameter token_file, or set {VARIABLE}",
            )
        return _word(token, VARIABLE)
    path = Path(file)
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigurationError(
                "the archive's token is not private", where=file, remedy=f"chmod 600 {file}"
            )
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the archive's token cannot be read: {error}", where=file,
            remedy="docs/archive.md says how to get one",
        ) from error  # fmt: skip
    return _word(token, file)


def _word(token: str, where: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            "this is no token: a token is one word", where=where,
            remedy="write the token alone into it",
        )  # fmt: skip
    return token
