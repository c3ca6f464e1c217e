"""Bridged MQTT brokers of a launch file: read, put together, checked, described to mosquitto."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from labmesh.launch import _entities as entities
from labmesh.launch._document import Value
from labmesh.launch._plan import Bridging, Broker, Plan, Process, Step, walk
from labmesh.launch._problem import Problems, did_you_mean
from labmesh.launch._read import Reader
from labmesh.launch._substitute import POISON
from labmesh.mosquitto import Bridge
from labmesh.security import Account
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import check_name
from messages.topics import BRIDGE, check_filter


def read_bridging(
    entity: entities.MqttBroker, site: str | None, reader: Reader, *, embedded: bool
) -> Bridging | None:
    """Return how a site's MQTT broker is bridged, as far as its own action says."""
    hub = reader.text(entity.bridge, "bridge")
    url = reader.text(entity.hub_url, "hub_url")
    account = reader.path(entity.hub_account, "hub_account", secret=True)
    if entity.bridge is None:
        for value, what in ((entity.hub_url, "hub_url"), (entity.hub_account, "hub_account")):
            if value is not None:
                reader.problems.add(
                    value.position, f"{what} belongs to a bridge", "write bridge: SITE beside it"
                )
        return None
    at = entity.bridge.position
    if hub is None:
        return None
    if not embedded:
        reader.problems.add(
            at, "only an embedded MQTT broker is bridged here", "bridge the other one where it runs"
        )
        return None
    if site is None:
        reader.problems.add(
            at, "a bridged MQTT broker belongs to one site", "put it into a group with its site"
        )
        return None
    try:
        check_name(hub, "site")
    except LabmeshError as error:
        reader.problems.add(at, error.what.partition("\n")[0], error.remedy)
        return None
    return Bridging(hub=hub, url=url, account=account, position=at)


def read_streams(value: Value | None, site: str, reader: Reader) -> tuple[str, ...]:
    """Return the streams of a site that cross, as ``site/node/stream``."""
    given = reader.any(value)
    if value is None or given is None or given is POISON:
        return ()
    found: list[str] = []
    for stream in given if isinstance(given, list) else [given]:
        if stream is POISON:
            continue
        try:
            if not isinstance(stream, str) or "/" not in stream:
                raise ConfigurationError("a stream is written as node/stream")
            check_filter(stream)
        except LabmeshError as error:
            reader.problems.add(value.position, f"{error.what}: {stream!r}")
        else:
            found.append(f"{site}/{stream}")
    return tuple(found)


def join_bridges(brokers: Iterable[Broker], steps: tuple[Step, ...]) -> tuple[Broker, ...]:
    """Return the MQTT brokers, each knowing who is bridged to it and what crosses."""
    brokers = tuple(brokers)
    streams = tuple(dict.fromkeys(stream for broker in brokers for stream in broker.streams))
    sites = {step.site for step in walk(steps) if isinstance(step, Process)}
    sites |= {broker.site for broker in brokers if broker.site}
    hubs: dict[str, list[str]] = {}
    for broker in brokers:
        if broker.bridging and broker.site:
            hubs.setdefault(broker.bridging.hub, []).append(broker.site)
    joined = []
    for broker in brokers:
        bridging = broker.bridging
        if bridging is not None:
            peers = tuple(sorted((sites | {bridging.hub}) - {broker.site or ""}))
            hub = _of(bridging.hub, brokers)
            bridging = dataclasses.replace(
                bridging,
                url=bridging.url or (hub.url if hub else None),
                peers=peers,
                streams=streams,
            )
        served = [site for hub, bridged in hubs.items() if _of(hub, brokers) is broker
                  for site in bridged]  # fmt: skip
        joined.append(dataclasses.replace(broker, bridging=bridging, bridged=tuple(sorted(served))))
    return tuple(joined)


def check_bridges(plan: Plan, problems: Problems, *, only_site: str | None = None) -> None:
    """Report hubs that are none, and names that a bridge takes."""
    for broker in plan.brokers:
        if broker.bridging is not None:
            _check_hub(broker, broker.bridging, plan, problems, only_site=only_site)
    if not any(broker.bridging for broker in plan.brokers):
        return
    for node in plan.nodes():
        own = plan.broker_of(node.site)
        if node.name == BRIDGE:
            problems.add(node.position, f"{node.id!r} has the name of its site's bridge", _RENAME)
        elif own is not None and node.name in own.bridged:
            problems.add(
                node.position,
                f"{node.id!r} has the name of a site that is bridged to its MQTT broker",
                _RENAME,
            )


_RENAME = "give the node another name"


def bridge_of(broker: Broker, plan: Plan, urls: Mapping[str | None, str]) -> Bridge | None:
    """Return the bridge of an MQTT broker that is about to start.

    Args:
        broker: It.
        plan: Of this launch.
        urls: Those of the MQTT brokers that run already, by their site.

    Raises:
        ConfigurationError: Nobody says where the hub is, or the account file is none.
    """
    bridging = broker.bridging
    if bridging is None or broker.site is None:
        return None
    hub = plan.broker_of(bridging.hub)
    account = Account.read(bridging.account) if bridging.account else Account()
    url = (urls.get(hub.site) if hub else None) or bridging.url or account.url
    if not url:
        raise ConfigurationError(
            f"it is not known where the hub of {broker.site} is",
            where=str(bridging.position),
            remedy="write hub_url: mqtts://host:port beside bridge",
        )
    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    return Bridge(
        site=broker.site,
        realm=plan.realm,
        host=parts.hostname or "",
        port=parts.port or (8883 if secure else 1883),
        peers=bridging.peers,
        streams=bridging.streams,
        username=account.username or parts.username,
        password=account.password or parts.password,
        client_id=account.client_id(f"{broker.site}/{BRIDGE}"),
        ca=(account.ca or system_authorities()) if secure else None,
        cert=account.cert if secure else None,
        key=account.key if secure else None,
    )


def system_authorities() -> Path:
    """Return the file of the certificates that this machine trusts.

    Raises:
        ConfigurationError: It has none.
    """
    found = ssl.get_default_verify_paths()
    file = found.cafile or found.openssl_cafile
    if not Path(file).is_file():
        raise ConfigurationError(
            "this machine trusts no certificates",
            where=file,
            remedy="name the hub's authority: ca in the account file",
        )
    return Path(file)


def _of(site: str, brokers: tuple[Broker, ...]) -> Broker | None:
    own = (broker for broker in brokers if broker.site == site)
    shared = (broker for broker in brokers if broker.site is None)
    return next(own, None) or next(shared, None)


def _check_hub(
    broker: Broker,
    bridging: Bridging,
    plan: Plan,
    problems: Problems,
    *,
    only_site: str | None,
) -> None:
    hub = plan.broker_of(bridging.hub)
    if hub is not None and hub.site is None:
        # The MQTT broker for all is that of any site, but not of one that nobody speaks of.
        sites = {process.site for process in plan.processes()} | {plan.site}
        hub = hub if bridging.hub in sites else None
    if bridging.hub == broker.site:
        problems.add(bridging.position, f"site {broker.site!r} is bridged to itself")
    elif hub is not None and hub.bridging is not None:
        problems.add(
            bridging.position,
            f"site {bridging.hub!r} is itself bridged, to {hub.bridging.hub!r}",
            "bridge every site to the one hub: what crosses two bridges would be lost",
        )
    elif hub is None and not (bridging.url or bridging.account):
        known = [known.site for known in plan.brokers if known.site and known is not broker]
        problems.add(
            bridging.position,
            f"no MQTT broker of site {bridging.hub!r}, to which {broker.site!r} is bridged",
            did_you_mean(bridging.hub, known) or "say where it is: hub_url: mqtts://host:port",
        )
    elif only_site == broker.site and not (bridging.url or bridging.account):
        problems.add(
            bridging.position,
            f"the MQTT broker of {bridging.hub!r} is not started with the part of {only_site!r}",
            "say where it is: hub_url: mqtts://host:port, or hub_account: FILE",
        )
