"""Accounts as the MQTT broker knows them, and the access rules made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from labmesh.security._roles import RIGHTS, Role
from messages.errors import ConfigurationError
from messages.ids import NodeId, check_name
from messages.topics import check_filter

_USERNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
"""No ``:`` (password file), no blank (access rules), no ``+``, ``#``, ``/`` (topics); at most what
a certificate's common name holds (RFC 5280 appendix A, ub-common-name)."""


def check_username(name: str) -> str:
    """Return ``name`` when it may be a username.

    Raises:
        ConfigurationError: It may not.
    """
    if not _USERNAME.fullmatch(name):
        raise ConfigurationError(
            f"username {name!r} is not valid", remedy="use letters, digits, _ . @ -, at most 64"
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account and what it may do.

    Attributes:
        username: Its name; a client certificate's common name is compared with it.
        site: Below which it publishes.
        names: As which nodes of the site; its username unless given. Of no matter for a bridge,
            which is the whole site, and an administrator, who is everybody.
        roles: What it is; at least one.
    """

    username: str
    site: str
    roles: tuple[Role, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_username(self.username)
        check_name(self.site, "site")
        for name in self.names:
            check_name(name, "node")
        if not self.roles:
            raise ConfigurationError(
                f"account {self.username} has no role", remedy=f"give one of {', '.join(Role)}"
            )
        if not self.names and not {Role.BRIDGE, Role.ADMINISTRATOR} & set(self.roles):
            check_name(self.username, "node")

    def writes(self, realm: str) -> Iterator[str]:
        """Yield the filters of what it may publish."""
        for role in self.roles:
            for prefix in self._prefixes(role, realm):
                yield from (f"{prefix}/{part}" for part in RIGHTS[role].writes)

    def owns(self, node: NodeId) -> bool:
        """Tell whether it publishes as ``node``."""
        if Role.ADMINISTRATOR in self.roles:
            return True
        if node.site != self.site:
            return False
        return Role.BRIDGE in self.roles or node.node in (self.names or (self.username,))

    def _prefixes(self, role: Role, realm: str) -> Iterator[str]:
        if role is Role.ADMINISTRATOR:
            yield realm
        elif role is Role.BRIDGE:
            yield f"{realm}/{self.site}"
        else:
            yield from (f"{realm}/{self.site}/{name}" for name in self.names or (self.username,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restricted:
    """What only named accounts may read, beside whoever publishes it.

    Attributes:
        topics: ``site/node/...``, a filter below one node's prefix.
        readers: Usernames.
    """

    topics: str
    readers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_filter(self.topics)
        _ = self.owner

    @property
    def owner(self) -> NodeId:
        """Whose it is.

        Raises:
            ConfigurationError: `topics` does not begin with one node.
        """
        site, _, rest = self.topics.partition("/")
        node, _, below = rest.partition("/")
        if not below or {site, node} & {"+", "#"}:
            raise ConfigurationError(
                "restricted topics are named as site/node/...", where=self.topics
            )
        return NodeId(site, node)


def render_acl(realm: str, members: Iterable[Member], restricted: Iterable[Restricted] = ()) -> str:
    """Return mosquitto's ``acl_file``: whoever has no section here may do nothing.

    Raises:
        ConfigurationError: Two accounts have one username, or a reader is none of them.
    """
    check_name(realm, "realm")
    members, restricted = tuple(members), tuple(restricted)
    usernames = [member.username for member in members]
    if len(usernames) != len(set(usernames)):
        raise ConfigurationError("two accounts have the same username")
    for each in restricted:
        if unknown := sorted(set(each.readers) - set(usernames)):
            raise ConfigurationError(f"no account {unknown[0]!r} to read it", where=each.topics)
    lines = ["# Made by Labmesh from its accounts and their roles; see docs/security.md."]
    for member in sorted(members, key=lambda each: each.username):
        lines += ["", f"# {', '.join(member.roles)} of {member.site}", f"user {member.username}"]
        # mosquitto looks at what is denied first, and then for one rule that allows.
        lines += [
            f"topic deny {realm}/{each.topics}"
            for each in restricted
            if member.username not in each.readers and not member.owns(each.owner)
        ]
        lines += [f"topic read {realm}/#", "topic read $SYS/#"]
        lines += [f"topic write {pattern}" for pattern in dict.fromkeys(member.writes(realm))]
    return "\n".join(lines) + "\n"
