"""What a site is: the page that people review, and everything else is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from labmesh.security import Role
from messages.errors import ConfigurationError
from messages.model import Name
from messages.topics import BRIDGE, DEFAULT_REALM

SITE_FILE: Final = "site.yaml"
TLS_PORT: Final = 8883
"""IANA's port of secure-mqtt."""

LOCAL_PORT: Final = 1883
"""IANA's port of mqtt."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _grant(value: Any) -> Any:
    """Take ``instrument`` and ``[instrument, requester]`` for what they are short for."""
    if isinstance(value, str):
        return {"roles": [value]}
    return {"roles": value} if isinstance(value, list | tuple) else value


_HEAD: Final = """\
# A site of a Labmesh lab. Change it, then let the rest follow:
#   labmesh site init --dry-run     shows what would change
#   labmesh site init               changes it
# accounts: the nodes and people of this site, each with its roles (docs/security.md).
"""

_OWN: Final = {
    "cli": [Role.OPERATOR],
    "launch": [Role.VIEWER],
    "agent": [Role.INSTRUMENT],
}
"""Accounts that every site has: its operator's command line, its launch, its agent."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(_Part):
    """What an account may do.

    Attributes:
        roles: What it is.
        names: Other nodes of the site as which it may publish, too (a standby its broker node).
    """

    roles: tuple[Role, ...] = Field(min_length=1)
    names: tuple[Name, ...] = ()


Granted = Annotated[Grant, BeforeValidator(_grant)]


class Upstream(_Part):
    """The hub that the site has joined.

    Attributes:
        hub: The hub's own site.
        url: Its MQTT broker.
        how: By a bridge of the site's own MQTT broker, or each node for itself.
        peers: The other sites there, the hub's own among them.
        streams: ``site/node/stream`` of each stream of data that crosses.
    """

    hub: Name
    url: str
    how: Literal["bridge", "direct"]
    peers: tuple[Name, ...]
    streams: tuple[str, ...] = ()


class Description(_Part):
    """A site.

    Attributes:
        labmesh_site: Version of the format.
        site: Its name.
        realm: First level of every topic.
        hosts: Names and addresses by which others reach its MQTT broker; the first one is in the
            account files. Empty for a site without an MQTT broker of its own.
        port: Where it listens for them, with TLS.
        local_port: Where it listens for programs of its own machine, without.
        accounts: By name, what each may do.
        sites: Sites that were invited to this hub.
        revoked: Names that had an account and shall not get one again by accident.
        upstream: The hub that it has joined.
    """

    labmesh_site: Literal[1] = 1
    site: Name
    realm: Name = DEFAULT_REALM
    hosts: tuple[str, ...] = ()
    port: Port = TLS_PORT
    local_port: Port = LOCAL_PORT
    accounts: dict[Name, Granted] = Field(default_factory=dict)
    sites: tuple[Name, ...] = ()
    revoked: tuple[Name, ...] = ()
    upstream: Upstream | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        both = set(self.accounts) & {*self.sites, BRIDGE}
        if both:
            raise ValueError(f"{min(both)} is the name of a site or of its bridge")
        if again := set(self.revoked) & {*self.accounts, *self.sites}:
            raise ValueError(f"{min(again)} was revoked; take it out of revoked first")
        if self.site in self.sites:
            raise ValueError("a site does not join itself")
        if self.port == self.local_port:
            raise ValueError("port and local_port are the same")
        if any(Role.BRIDGE in each.roles for each in self.accounts.values()):
            raise ValueError("a bridge's account is made by labmesh site invite")
        return self

    @classmethod
    def new(cls, site: str, **fields: Any) -> Self:
        """Return the description of a new site, with the accounts that each has.

        Raises:
            ConfigurationError: A value is wrong.
        """
        accounts = {**_OWN, **fields.pop("accounts", {})}
        return cls.parse({"site": site, "accounts": accounts, **fields}, SITE_FILE)

    @classmethod
    def parse(cls, content: object, where: str) -> Self:
        """Return the description in plain data.

        Raises:
            ConfigurationError: It is none; names the first field that is wrong.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"] if part != "[key]")
            what = first["msg"].removeprefix("Value error, ")
            if first["type"] in ("string_pattern_mismatch", "string_too_long"):
                what = f"{first['input']!r} is no name: [a-z][a-z0-9_-]*, at most 32 characters"
            raise ConfigurationError(f"{field}: {what}" if field else what, where=where) from error

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the description of the site in ``folder``.

        Raises:
            ConfigurationError: There is none, or it is wrong.
        """
        file = folder / SITE_FILE
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(
                "is no folder of a site", where=str(folder),
                remedy="make one: labmesh site init NAME; or name it with --folder",
            ) from None  # fmt: skip
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            text = " ".join(str(error).split())
            raise ConfigurationError(f"cannot be read: {text}", where=str(file)) from error
        return cls.parse(content, str(file))

    def but(self, **changes: Any) -> Self:
        """Return it with some fields changed; errors as `parse`."""
        return self.parse({**self.model_dump(), **changes}, SITE_FILE)

    @property
    def has_broker(self) -> bool:
        """Whether it has an MQTT broker of its own."""
        return bool(self.hosts)

    @property
    def url(self) -> str:
        """Where others reach its MQTT broker."""
        host = self.hosts[0]
        return f"mqtts://{f'[{host}]' if ':' in host else host}:{self.port}"

    def text(self) -> str:
        """Return it as YAML."""
        plain = self.model_dump(mode="json", exclude_defaults=True, exclude={"labmesh_site"})
        accounts = {name: _short(each) for name, each in self.accounts.items()}
        plain = {
            "labmesh_site": 1,
            **{key: accounts if key == "accounts" else value for key, value in plain.items()},
        }
        text: str = yaml.dump(
            plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
        )
        return _HEAD + text


class _Dumper(yaml.SafeDumper):
    """Writes lists on one line, maps as a block."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=True)


def _short(grant: Grant) -> Any:
    roles = [str(role) for role in grant.roles]
    if grant.names:
        return {"roles": roles, "names": list(grant.names)}
    return roles[0] if len(roles) == 1 else roles
