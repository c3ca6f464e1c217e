"""Who one is: accounts, their roles, passwords and certificates."""

from __future__ import annotations

from labmesh.security._account import Account
from labmesh.security._files import check_private, write_private

__all__ = ["Account", "check_private", "write_private"]
