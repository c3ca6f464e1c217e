"""Who sits here."""

from __future__ import annotations

import getpass


def user_name() -> str:
    """Return the name under which this user is logged in; empty where there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
