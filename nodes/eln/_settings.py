"""Addresses and tokens of notebooks' servers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from labmesh.security import check_private, is_loopback
from messages.errors import ConfigurationError

VARIABLES: Final = {"openbis": "LABMESH_OPENBIS_TOKEN", "elabftw": "LABMESH_ELABFTW_KEY"}
"""Of the environment: where a token is if no file is named."""


def checked_url(url: str) -> str:
    """Return a server's address without a slash at its end.

    Raises:
        ConfigurationError: It is none, holds a password, or is unencrypted and of another machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ConfigurationError(
            "this is no address of a notebook", where=f"url {url!r}",
            remedy="write it as https://openbis.example.org",
        )  # fmt: skip
    if parts.username or parts.password:
        raise ConfigurationError(
            "an address holds no user and no password", where=host,
            remedy="put the token into a file (token_file)",
        )  # fmt: skip
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            "the token would travel unencrypted", where=url, remedy="use https"
        )
    return url.rstrip("/")


def read_token(system: str, file: str) -> str:
    """Return the token for a system, from a private file or the environment.

    Raises:
        ConfigurationError: There is none, or others can read the file.
    """
    variable = VARIABLES[system]
    if file:
        path = Path(file)
        check_private(path, "the token's file")
        token = path.read_text(encoding="utf-8").strip()
        where = file
    else:
        token, where = os.environ.get(variable, "").strip(), variable
    if not token or not token.isascii() or any(each.isspace() for each in token):
        raise ConfigurationError(
            "there is no token", where=where,
            remedy=f"write it into a file of mode 600 (token_file), or set {variable}",
        )  # fmt: skip
    return token
