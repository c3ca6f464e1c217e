"""The folder of a site: what lies where, and how it follows from the description."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labmesh.mosquitto import Bridge, BrokerConfig, Listener
from labmesh.security import Account, Member, Role
from labmesh.site._description import SITE_FILE, Description
from labmesh.systemd import unit_text
from labmesh.transport import MqttAddress
from messages.errors import ConfigurationError
from messages.topics import BRIDGE

SUFFIX: Final = "-site"


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """Paths below the folder of a site. Everything but `description` is made from that.

    Attributes:
        root: Absolute.
    """

    root: Path

    @classmethod
    def find(cls, given: Path | None = None, here: Path | None = None) -> SiteFolder:
        """Return the folder that is given, or this one, or the only ``*-site`` in it.

        Raises:
            ConfigurationError: None is given, and there is none here, or several.
        """
        if given is not None:
            return cls(given.expanduser().absolute())
        here = (here or Path.cwd()).absolute()
        if (here / SITE_FILE).is_file():
            return cls(here)
        found = sorted(file.parent for file in here.glob(f"*{SUFFIX}/{SITE_FILE}"))
        if len(found) == 1:
            return cls(found[0])
        raise ConfigurationError(
            f"several sites are here: {', '.join(each.name for each in found)}"
            if found
            else "no site is here",
            where=str(here),
            remedy="name one with --folder" if found else "make one: labmesh site init NAME",
        )

    @property
    def description(self) -> Path:
        """The page that people review."""
        return self.root / SITE_FILE

    @property
    def accounts(self) -> Path:
        """One account file each, mode 600, and the certificate they trust."""
        return self.root / "accounts"

    @property
    def ca(self) -> Path:
        """The certificate that account files name."""
        return self.accounts / "ca.pem"

    @property
    def authority(self) -> Path:
        """The certificate authority; its key never leaves this folder."""
        return self.root / "authority"

    @property
    def broker(self) -> Path:
        """All that mosquitto reads and writes."""
        return self.root / "mosquitto"

    @property
    def config(self) -> Path:
        """Mosquitto's configuration."""
        return self.broker / "mosquitto.conf"

    @property
    def acl(self) -> Path:
        """Mosquitto's access rules."""
        return self.broker / "mosquitto.acl"

    @property
    def passwords(self) -> Path:
        """Mosquitto's hashed passwords."""
        return self.broker / "passwords"

    @property
    def certificate(self) -> Path:
        """The MQTT broker's certificate."""
        return self.broker / "server.pem"

    @property
    def key(self) -> Path:
        """Its private key."""
        return self.broker / "server.key"

    @property
    def pid(self) -> Path:
        """The process id of the mosquitto that runs."""
        return self.broker / "mosquitto.pid"

    @property
    def hub(self) -> Path:
        """The account at the hub, where the site has joined one."""
        return self.root / "hub.json"

    @property
    def hub_ca(self) -> Path:
        """The hub's certificate authority."""
        return self.root / "hub-ca.pem"

    def unit(self, site: str) -> Path:
        """Return the systemd unit that runs its MQTT broker."""
        return self.root / f"labmesh-site-{site}.service"

    def invitation(self, site: str) -> Path:
        """Return where the invitation of a site is kept until it is sent."""
        return self.root / "invitations" / f"{site}.token"

    def account(self, name: str) -> Path:
        """Return the account file of a node or a person."""
        return self.accounts / f"{name}.json"

    def members(self, description: Description) -> tuple[Member, ...]:
        """Return the accounts as its MQTT broker knows them: its own, and one a site invited."""
        own = [
            Member(
                username=name,
                site=description.site,
                roles=grant.roles,
                names=(name, *grant.names),
            )
            for name, grant in description.accounts.items()
        ]
        sites = [Member(username=s, site=s, roles=(Role.BRIDGE,)) for s in description.sites]
        return (*own, *sites)

    def broker_config(self, description: Description) -> BrokerConfig:
        """Return the configuration of its MQTT broker.

        Raises:
            ConfigurationError: It has none, or its account at the hub cannot be read.
        """
        if not description.has_broker:
            raise ConfigurationError(
                f"site {description.site} has no MQTT broker of its own",
                where=str(self.description),
                remedy="its nodes connect to the hub themselves",
            )
        return BrokerConfig(
            port=description.local_port,
            sites=(description.site,),
            realm=description.realm,
            password_file=self.passwords,
            listeners=(
                Listener(
                    port=description.port, cert=self.certificate, key=self.key,
                    ca=self.authority / "ca.pem", crl=self.authority / "crl.pem",
                ),
            ),
            members=self.members(description),
            bridge=self._bridge(description),
        )  # fmt: skip

    def rendered(self, description: Description) -> dict[Path, str]:
        """Return the text of every file that follows from the description, by path.

        One holds a secret: mosquitto's configuration, the password at the hub of a bridged site.
        """
        files = {}
        if not self.description.exists() or Description.read(self.root) != description:
            # Where it says the same, the words and remarks in it are people's own.
            files[self.description] = description.text()
        if description.has_broker:
            config = self.broker_config(description)
            files[self.config] = config.render(self.broker)
            files[self.acl] = config.render_acl()
            files[self.unit(description.site)] = unit_text(
                f"MQTT broker of Labmesh site {description.site}",
                ["site", "start", "--folder", str(self.root)],
                self.root,
                reload="/bin/kill -HUP $MAINPID",
            )
        return files

    def _bridge(self, description: Description) -> Bridge | None:
        upstream = description.upstream
        if upstream is None or upstream.how != "bridge":
            return None
        account = Account.read(self.hub)
        at = MqttAddress.parse(upstream.url)
        return Bridge(
            site=description.site,
            host=at.host,
            port=at.port,
            realm=description.realm,
            peers=upstream.peers,
            streams=upstream.streams,
            username=account.username,
            password=account.password,
            ca=account.ca,
            cert=account.cert,
            key=account.key,
            client_id=account.client_id(f"{description.site}/{BRIDGE}"),
        )
