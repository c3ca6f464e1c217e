"""The configuration of the embedded MQTT broker."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from labmesh.mosquitto._bridge import PULSE, Bridge
from labmesh.mosquitto._listener import Listener
from labmesh.security import Member, Restricted, render_acl
from messages.errors import ConfigurationError
from messages.ids import check_name
from messages.topics import DEFAULT_REALM

MAX_PACKET: Final = 1 << 20
"""Largest packet in bytes, told to clients in CONNACK; ten times Labmesh's largest payload."""


MAX_QUEUED: Final = 10_000_000
"""Messages queued for one client. The default of 1000 drops the rest silently; the memory limit is
meant to be the bound. Not 0 (unlimited): Debian's 2.0.11 and the later 2.0 releases then close the
connection of a client after they refuse one of its publishes."""

MAX_KEEPALIVE: Final = 120
"""Seconds, told to MQTT 5 clients: a peer that has gone without a word is noticed in three minutes,
at 1.5 times that (MQTT 5 section 3.1.2.10)."""

SESSION_DAYS: Final = 14
"""After which the session of an MQTT 3 client that does not come back is forgotten."""

ACL_FILE: Final = "mosquitto.acl"


def _default_user() -> str | None:
    # Started by root, mosquitto would change to another user, which can neither read a folder of
    # ours nor keep the kernel's promise to end it with its parent.
    return "root" if os.name == "posix" and os.geteuid() == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """What may differ between two MQTT brokers.

    Without members a client's username is its node's name. Without a password file it is
    self-declared: on a loopback listener that prevents mistakes, not malice. A client without a
    username may read everything and write nothing.

    With members nobody connects without an account, and each may do what its roles allow.

    Attributes:
        port: TCP port on the loopback interface.
        sites: Sites whose nodes connect here; each node may write below ``{realm}/{site}/{node}``.
        realm: First level of every topic.
        persistence: Whether sessions and retained messages survive a restart. They are saved once a
            second and when it stops, so a kill may lose the last second: a cache, not a record.
        password_file: Made by `labmesh.security.set_password` or ``mosquitto_passwd``; when given,
            nobody connects without an account.
        listeners: Where clients of other machines connect; the loopback one is there always.
        members: The accounts and their roles; they need a password file, if an empty one.
        restricted: What only some members may read.
        max_packet: Bytes of the largest packet that is taken, told to clients in CONNACK.
        audit: Whether the log shows what the access rules refuse, and with it each packet.
        log_file: None logs to standard error, which is not buffered.
        memory_limit: Bytes of heap. An emergency brake: at the limit it disconnects clients,
            readers too, without acknowledging, instead of exhausting the machine.
        bridged: Sites whose bridges connect here; each may write below ``{realm}/{site}``.
        bridge: From this MQTT broker to the hub's.
        user: Account to run as when started by root; root itself by default. Another one must be
            able to read and write the folder.
    """

    port: int
    sites: tuple[str, ...]
    realm: str = DEFAULT_REALM
    persistence: bool = True
    password_file: Path | None = None
    listeners: tuple[Listener, ...] = ()
    members: tuple[Member, ...] = ()
    restricted: tuple[Restricted, ...] = ()
    max_packet: int = MAX_PACKET
    audit: bool = False
    log_file: Path | None = None
    memory_limit: int = 512 << 20
    bridged: tuple[str, ...] = ()
    bridge: Bridge | None = None
    user: str | None = field(default_factory=_default_user)

    def __post_init__(self) -> None:
        check_name(self.realm, "realm")
        for site in (*self.sites, *self.bridged):
            check_name(site, "site")
        if self.password_file is None and (self.members or self.listeners):
            # mosquitto takes any password where it has no file of them.
            raise ConfigurationError(
                "an MQTT broker with accounts, or open to other machines, needs passwords",
                remedy="give password_file",
            )

    def render_acl(self) -> str:
        """Return the ACL file: everyone reads, who writes does so below its own prefix.

        That of a node is ``{realm}/{site}/{node}``, that of a site's bridge ``{realm}/{site}``.
        With members it is `labmesh.security.render_acl`.
        """
        if self.members:
            return render_acl(self.realm, self.members, self.restricted)
        lines = [f"pattern read {self.realm}/#", "pattern read $SYS/#"]
        lines += [f"pattern write {self.realm}/{site}/%u/#" for site in self.sites]
        for site in self.bridged:
            lines += [f"user {site}", f"topic write {self.realm}/{site}/#"]
        return "\n".join(lines) + "\n"

    def render(self, folder: Path) -> str:
        """Return ``mosquitto.conf``.

        Args:
            folder: Absolute; holds the text of `render_acl` as `ACL_FILE`, and the persistence.
        """
        anonymous = self.password_file is None
        lines = [
            "# Made by Labmesh; changes are lost when it is made again.",
            "",
            "# Nodes of this machine.",
            f"listener {self.port} 127.0.0.1",
            *(line for each in self.listeners for line in ("", *each.render())),
            "",
            "# Without it Nagle and delayed acknowledgement make a QoS 1 round trip 44 ms.",
            "set_tcp_nodelay true",
            "",
            "# Who may connect, and what they may do.",
            f"allow_anonymous {str(anonymous).lower()}",
            *([] if anonymous else [f"password_file {self.password_file}"]),
            f"acl_file {folder / ACL_FILE}",
            "",
            "# The memory limit bounds the queues. mosquitto's own bound, 1000 messages a client,",
            "# would drop the rest in silence; at the memory limit clients are disconnected",
            "# without an acknowledgement, so that they send again.",
            f"max_queued_messages {MAX_QUEUED}",
            f"memory_limit {self.memory_limit}",
            "max_inflight_messages 1000",
            "",
            "# Larger packets end the connection; blobs travel in pieces.",
            f"max_packet_size {self.max_packet}",
            f"max_keepalive {MAX_KEEPALIVE}",
            "",
            "# Sessions and what is retained survive a restart, but for the last second of a kill.",
            f"persistence {str(self.persistence).lower()}",
            *(
                [
                    f"persistence_location {folder}/",
                    "autosave_interval 1",
                    f"persistent_client_expiration {SESSION_DAYS}d",
                ]
                if self.persistence
                else []
            ),
            "",
            f"log_dest file {self.log_file}" if self.log_file else "log_dest stderr",
            *(f"log_type {kind}" for kind in ("error", "warning", "notice")),
            *(
                ["# Says what is refused; each packet, too.", "log_type debug"]
                if self.audit
                else []
            ),
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            "",
            "# At bridged sites the uptime is the sign of this hub's life.",
            f"sys_interval {PULSE}",
            *([f"user {self.user}"] if self.user else []),
        ]
        return "\n".join(lines) + "\n" + (f"\n{self.bridge.render()}" if self.bridge else "")
