"""Who one is and what one may do: accounts, roles, passwords.

`labmesh.security.authority` makes certificates; it is apart because its library takes time to load.
"""

from __future__ import annotations

from labmesh.security._account import Account
from labmesh.security._files import check_private, write_private
from labmesh.security._members import Member, Restricted, check_username, render_acl
from labmesh.security._passwords import (
    hash_password,
    is_password,
    new_password,
    read_passwords,
    remove_password,
    set_password,
)
from labmesh.security._plain import is_loopback, refuse_plain
from labmesh.security._roles import READING, RIGHTS, Rights, Role

__all__ = [
    "READING",
    "RIGHTS",
    "Account",
    "Member",
    "Restricted",
    "Rights",
    "Role",
    "check_private",
    "check_username",
    "hash_password",
    "is_loopback",
    "is_password",
    "new_password",
    "read_passwords",
    "refuse_plain",
    "remove_password",
    "render_acl",
    "set_password",
    "write_private",
]
