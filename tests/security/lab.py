"""A lab as it should be run: TLS, accounts with roles, certificates; and those who attack it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labmesh import Node, NodeParameters, Order, capability
from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.mosquitto import BrokerConfig, Listener, free_port
from labmesh.node import NodeOptions
from labmesh.place import Place
from labmesh.security import Account, Member, Restricted, Role, new_password, set_password
from labmesh.security.authority import Authority
from labmesh.transport import Delivery, Transport, make_transport
from messages.envelope import Header, encode
from messages.errors import PublishRefusedError
from messages.ids import NodeId, new_id
from messages.model import Message, Model, Real
from messages.node import Problem
from messages.schema import schema_hash
from nodes.broker import BrokerNode
from tests.labmesh.node.conftest import running
from tests.support import MqttBroker

HIDDEN = "lab1/kit/adder/data/hidden"
"""Restricted to carol."""

CONNECTIONS = 60
"""Clients at a time on the listener that is flooded."""

PASSWORDS = ("broker", "adder", "alice", "bob", "rob", "vera", "mallory", "dtu", "boss")
CERTIFICATES = ("carol", "dave")
MEMBERS = (
    Member(username="broker", site="kit", roles=(Role.LEDGER,)),
    Member(username="adder", site="kit", roles=(Role.INSTRUMENT,)),
    Member(username="alice", site="kit", roles=(Role.OPERATOR,)),
    Member(username="bob", site="kit", roles=(Role.REQUESTER,)),
    Member(username="rob", site="kit", roles=(Role.REQUESTER,)),
    Member(username="vera", site="kit", roles=(Role.VIEWER,)),
    # A node in bad hands, and a whole site in bad hands.
    Member(username="mallory", site="kit", roles=(Role.INSTRUMENT,)),
    Member(username="dtu", site="dtu", roles=(Role.BRIDGE,)),
    Member(username="boss", site="kit", roles=(Role.ADMINISTRATOR,)),
    Member(username="carol", site="kit", roles=(Role.VIEWER,)),
    Member(username="dave", site="kit", roles=(Role.VIEWER,)),
)


@dataclass
class Tally:
    """How many attacks were tried, and how many were refused."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def attack(self, kind: str) -> Iterator[None]:
        self.tried[kind] += 1
        yield
        self.refused[kind] += 1


TALLY = Tally()
attack = TALLY.attack


class Sum(Model):
    """What the adder takes."""

    a: Real
    b: Real = 0.0


class Total(Model):
    """What it gives."""

    total: Real


class Adder(Node[NodeParameters]):
    """Adds; remembers what it was asked."""

    asked: list[float]

    async def on_configure(self) -> None:
        self.asked = []

    @capability("total", "sum")
    async def add(self, order: Order[Sum]) -> Total:
        """Add."""
        self.asked.append(order.parameters.a)
        return Total(total=order.parameters.a + order.parameters.b)


@dataclass
class SecureLab:
    """One MQTT broker with its accounts, a ledger and an instrument, all in this process."""

    folder: Path
    ca: Authority
    mqtt: MqttBroker
    config: BrokerConfig
    passwords: dict[str, str]
    broker: BrokerNode = field(init=False)
    adder: Adder = field(init=False)
    problems: list[Problem] = field(default_factory=list)

    @property
    def tls_port(self) -> int:
        return self.config.listeners[0].port

    @property
    def certificate_port(self) -> int:
        return self.config.listeners[1].port

    def account(self, name: str) -> Account:
        by_certificate = name in CERTIFICATES
        return Account(
            url=f"mqtts://localhost:{self.certificate_port if by_certificate else self.tls_port}",
            username=None if by_certificate else name,
            password=None if by_certificate else self.passwords[name],
            ca=self.ca.ca_file,
            cert=self.folder / f"{name}.pem" if by_certificate else None,
            key=self.folder / f"{name}.key" if by_certificate else None,
        )

    def place(self, name: str) -> Place:
        account = self.account(name)
        return Place(mqtt=account.url, site="kit", account=account)

    @asynccontextmanager
    async def connected(
        self, name: str, client_id: str = "", **options: Any
    ) -> AsyncIterator[Transport]:
        """A bare connection of an account."""
        transport = make_transport(
            self.account(name),
            client_id=client_id or f"kit/{name}/{new_id().hex[-8:]}",
            backoff=(0.05, 0.5),
            **options,
        )
        await transport.open(timeout=30)
        try:
            yield transport
        finally:
            await transport.close()

    @asynccontextmanager
    async def visitor(self, name: str) -> AsyncIterator[Visitor]:
        async with visit(self.place(name), name, patience=30) as visitor:
            yield visitor

    @asynccontextmanager
    async def client(self, name: str) -> AsyncIterator[LabClient]:
        async with self.visitor(name) as visitor, requester(visitor) as lab:
            yield lab

    @asynccontextmanager
    async def logged(self, *patterns: str) -> AsyncIterator[None]:
        """What happens in the block makes mosquitto write a line with all of ``patterns``."""
        start = len(self.mqtt.log)
        yield
        lines: list[str] = []
        for _ in range(1000):
            lines = self.mqtt.log[start:].splitlines()
            if any(
                all(re.search(each, line, re.IGNORECASE) for each in patterns) for line in lines
            ):
                return
            await asyncio.sleep(0.02)
        raise AssertionError((patterns, lines[-20:]))

    async def heard(self, words: str, start: int = 0) -> Problem:
        """Return the complaint with ``words`` that a node published after ``start`` others."""
        async with asyncio.timeout(30):
            while True:
                for problem in self.problems[start:]:
                    if words in problem.reason:
                        return problem
                await asyncio.sleep(0.02)

    async def still_works(self) -> None:
        """The lab does its work for those who may ask."""
        async with self.client("bob") as lab:
            handle = await lab.submit("total", "sum", {"a": 1.0, "b": 2.0})
            async with asyncio.timeout(30):
                result = await handle.result()
            assert result.data == {"total": 3.0}


def envelope(sender: str, message: Message, **header: Any) -> bytes:
    """A message as ``sender`` would encode it, or whoever says that he is."""
    fields: dict[str, Any] = {
        "type": type(message).TYPE,
        "schema": schema_hash(type(message)),
        "id": new_id(),
        "stamp": 1,
        "sender": sender,
        "epoch": 1,
        "seq": 1,
    }
    return encode(Header(**(fields | header)), message)


async def denied(transport: Transport, topic: str, payload: bytes = b"x", **options: Any) -> bool:
    """Whether the MQTT broker says no to a publish; ours would refuse some topics before."""
    vars(transport)["_check_publish"] = lambda *_: None
    try:
        await transport.publish(topic, payload, **options)
    except PublishRefusedError:
        return True
    return False


@contextmanager
def secure_mqtt(folder: Path) -> Iterator[SecureLab]:
    """The MQTT broker with its accounts, and nobody there yet."""
    ca = Authority.create(folder / "ca", "Lab CA")
    ca.issue_server(["localhost", "127.0.0.1"], folder / "server.pem", folder / "server.key")
    for name in CERTIFICATES:
        ca.issue_client(name, folder / f"{name}.pem", folder / f"{name}.key")
    passwords = {name: new_password() for name in PASSWORDS}
    for name, word in passwords.items():
        set_password(folder / "passwords", name, word)
    by_password = Listener(
        port=free_port(), address="127.0.0.1", cert=folder / "server.pem",
        key=folder / "server.key", max_connections=CONNECTIONS,
    )  # fmt: skip
    by_certificate = replace(
        by_password, port=free_port(), ca=ca.ca_file, crl=ca.crl_file, require_certificate=True
    )
    config = BrokerConfig(
        port=0,
        sites=("kit",),
        password_file=folder / "passwords",
        listeners=(by_password, by_certificate),
        members=MEMBERS,
        restricted=(Restricted(topics=HIDDEN.removeprefix("lab1/"), readers=("carol",)),),
        max_packet=160 * 1024,
        audit=True,
    )
    with MqttBroker(folder / "mosquitto", config=config) as broker:
        yield SecureLab(folder, ca, broker, config, passwords)


@asynccontextmanager
async def secure_lab(folder: Path) -> AsyncIterator[SecureLab]:
    """All of it, at work."""
    with secure_mqtt(folder) as lab:

        def options(name: str) -> NodeOptions:
            return NodeOptions(
                place=lab.place(name), name=name, data_dir=folder / "data", patience=30
            )

        lab.broker, lab.adder = BrokerNode(options("broker")), Adder(options("adder"))
        async with running(lab.broker), running(lab.adder), lab.visitor("alice") as alice:

            def note(problem: Problem, _header: Header, _topic: Any) -> None:
                lab.problems.append(problem)

            await alice.mesh.on_message("lab1/+/+/event/problem", Problem, note)
            yield lab


def tls(lab: SecureLab, **changes: Any) -> ssl.SSLContext:
    """What any TLS library would do, trusting the lab's authority."""
    context = ssl.create_default_context(cafile=lab.ca.ca_file)
    for name, value in changes.items():
        setattr(context, name, value)
    return context


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a raw connection, whatever the other side has done to it."""
    writer.close()
    with suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 5)


def node(name: str) -> NodeId:
    return NodeId("kit", name)


async def collect(transport: Transport, pattern: str) -> list[Delivery]:
    """Subscribe; what comes is appended to the list returned."""
    found: list[Delivery] = []
    await transport.subscribe(pattern, found.append)
    return found
