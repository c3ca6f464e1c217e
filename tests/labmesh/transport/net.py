"""Two meshes that the contract holds on: mosquitto behind proxies, and a memory hub."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from labmesh.transport import MemoryHub, MemoryTransport, MqttOptions, MqttTransport
from tests.support import MqttBroker, TcpProxy

AnyTransport = MqttTransport | MemoryTransport


class Net(ABC):
    """Makes transports and breaks their connections. ``prefix`` is a place nobody else uses."""

    def __init__(self) -> None:
        self.node = f"n{uuid4().hex[:12]}"
        self.prefix = f"lab1/kit/{self.node}"
        self.transports: list[AnyTransport] = []

    @abstractmethod
    async def make(self, name: str, **options: Any) -> AnyTransport:
        """Return a transport, not open; ``name`` is its client id within this net."""

    @abstractmethod
    async def drop(self, transport: AnyTransport) -> None:
        """Break its connection; it may come back at once."""

    @abstractmethod
    async def cut_off(self, transport: AnyTransport) -> None:
        """Break its connection and let it not come back."""

    @abstractmethod
    async def let_back(self, transport: AnyTransport) -> None:
        """End `cut_off`."""

    async def open(self, name: str, **options: Any) -> AnyTransport:
        transport = await self.make(name, **options)
        await transport.open()
        return transport

    async def close(self) -> None:
        for transport in self.transports:
            await transport.close()

    def topic(self, *levels: str) -> str:
        return "/".join((self.prefix, *levels))


class MqttNet(Net):
    def __init__(self, broker: MqttBroker) -> None:
        super().__init__()
        self._broker = broker
        self._proxies: dict[AnyTransport, TcpProxy] = {}

    async def make(self, name: str, **options: Any) -> AnyTransport:
        proxy = TcpProxy(self._broker.port)
        await proxy.accept()
        client_id = f"{self.node}-{name}"
        options = {"username": self.node, "backoff": (0.02, 0.1)} | options
        transport = MqttTransport(MqttOptions(url=proxy.url, client_id=client_id, **options))
        self._proxies[transport] = proxy
        self.transports.append(transport)
        return transport

    async def drop(self, transport: AnyTransport) -> None:
        # What a session holds may arrive before its subscriptions are restored, and a connection
        # that ends before that was none: nobody is told of its end.
        await eventually(lambda: transport.connected)
        lost = asyncio.Event()
        transport.on_disconnect(lambda _reason: lost.set())
        await self._proxies[transport].cut()
        await lost.wait()

    async def cut_off(self, transport: AnyTransport) -> None:
        await self._proxies[transport].refuse()
        await self.drop(transport)

    async def let_back(self, transport: AnyTransport) -> None:
        await self._proxies[transport].accept()

    async def close(self) -> None:
        await super().close()
        for proxy in self._proxies.values():
            await proxy.refuse()
            await proxy.cut()


class MemoryNet(Net):
    def __init__(self) -> None:
        super().__init__()
        self.hub = MemoryHub()

    async def make(self, name: str, **options: Any) -> AnyTransport:
        transport = MemoryTransport(self.hub, client_id=name, **options)
        self.transports.append(transport)
        return transport

    async def drop(self, transport: AnyTransport) -> None:
        self.hub.drop(transport.client_id)

    async def cut_off(self, transport: AnyTransport) -> None:
        self.hub.ban(transport.client_id)

    async def let_back(self, transport: AnyTransport) -> None:
        self.hub.pardon(transport.client_id)


async def eventually(holds: Callable[[], object], timeout: float = 10.0) -> None:  # noqa: ASYNC109
    """Return when ``holds()`` is true.

    Raises:
        AssertionError: It is not after ``timeout`` s.
    """
    try:
        async with asyncio.timeout(timeout):
            while not holds():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError("what was waited for did not come") from None
