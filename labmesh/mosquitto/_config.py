"""The configuration of the embedded MQTT broker."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from labmesh.mosquitto._bridge import Bridge
from messages.ids import check_name
from messages.topics import DEFAULT_REALM

MAX_PACKET: Final = 1 << 20
"""Largest packet in bytes, told to clients in CONNACK; ten times Labmesh's largest payload."""


MAX_QUEUED: Final = 10_000_000
"""Messages queued for one client. The default of 1000 drops the rest silently; the memory limit is
meant to be the bound. Not 0 (unlimited): Debian's 2.0.11 and the later 2.0 releases then close the
connection of a client after they refuse one of its publishes."""

ACL_FILE: Final = "mosquitto.acl"


def _default_user() -> str | None:
    # Started by root, mosquitto would change to another user, which can neither read a folder of
    # ours nor keep the kernel's promise to end it with its parent.
    return "root" if os.name == "posix" and os.geteuid() == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """What may differ between two embedded MQTT brokers.

    A client's username is its node's name. Without a password file it is self-declared: on a
    loopback listener that prevents mistakes, not malice. A client without a username may read
    everything and write nothing.

    Attributes:
        port: TCP port on the loopback interface.
        sites: Sites whose nodes connect here; each node may write below ``{realm}/{site}/{node}``.
        realm: First level of every topic.
        persistence: Whether sessions and retained messages survive a restart. They are saved once a
            second and when it stops, so a kill may lose the last second: a cache, not a record.
        password_file: Made by ``mosquitto_passwd``; when given, nobody connects without an account.
        log_file: None logs to standard output.
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
    log_file: Path | None = None
    memory_limit: int = 512 << 20
    bridged: tuple[str, ...] = ()
    bridge: Bridge | None = None
    user: str | None = field(default_factory=_default_user)

    def __post_init__(self) -> None:
        check_name(self.realm, "realm")
        for site in (*self.sites, *self.bridged):
            check_name(site, "site")

    def render_acl(self) -> str:
        """Return the ACL file: everyone reads, who writes does so below its own prefix.

        That of a node is ``{realm}/{site}/{node}``, that of a site's bridge ``{realm}/{site}``.
        """
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
            f"listener {self.port} 127.0.0.1",
            # Without it Nagle and delayed acknowledgement make a QoS 1 round trip 44 ms.
            "set_tcp_nodelay true",
            f"allow_anonymous {str(anonymous).lower()}",
            *([] if anonymous else [f"password_file {self.password_file}"]),
            f"acl_file {folder / ACL_FILE}",
            f"max_queued_messages {MAX_QUEUED}",
            "max_inflight_messages 1000",
            f"max_packet_size {MAX_PACKET}",
            f"memory_limit {self.memory_limit}",
            f"persistence {str(self.persistence).lower()}",
            *(
                [f"persistence_location {folder}/", "autosave_interval 1"]
                if self.persistence
                else []
            ),
            f"log_dest file {self.log_file}" if self.log_file else "log_dest stdout",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            *([f"user {self.user}"] if self.user else []),
        ]
        return "\n".join(lines) + "\n" + (self.bridge.render() if self.bridge else "")
