"""A transport that keeps one connection alive: supervision, restoring, publishing."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Final

from labmesh.transport._api import Delivery, Handler, Outbound, Will
from labmesh.transport._base import BaseTransport, check_properties
from labmesh.transport._codec import Publish
from labmesh.transport._connection import ConnectRefusedError, Link, LinkLostError
from labmesh.transport._message import Message
from labmesh.transport._refusals import is_final
from labmesh.transport._route import Route
from labmesh.transport._window import Group, Outgoing, Window
from messages.errors import (
    ConfigurationError,
    LabmeshError,
    NotConnectedError,
    TransportError,
)

log = logging.getLogger("labmesh.transport")

_STABLE: Final = 5.0
"""Seconds a connection must live before the back-off begins anew."""


class HealingTransport(BaseTransport, ABC):
    """The logic of `Transport` over whatever makes a `Link`."""

    def __init__(
        self,
        client_id: str,
        *,
        will: Will | None,
        clean_start: bool,
        session_expiry: int,
        window: int,
        backoff: tuple[float, float],
    ) -> None:
        super().__init__(client_id, will)
        self._clean_start = clean_start
        self._session_expiry = session_expiry
        self._size = window
        self._backoff = backoff
        self._window = Window(window, self.stats)
        self._link: Link | None = None
        self._restored = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self._last_failure: NotConnectedError | None = None
        self._subscribed: set[str] = set()
        self._given_up: set[str] = set()

    @abstractmethod
    async def _connect(self, *, clean_start: bool) -> Link:
        """Return a new connection.

        Raises:
            OSError: There is none to be had now.
            ConnectRefusedError: The other side said no.
        """

    @abstractmethod
    def _explain(self, error: Exception) -> NotConnectedError:
        """Return why `_connect` failed, in words."""

    @property
    @abstractmethod
    def _where(self) -> str:
        """Return whom `_connect` connects to, in words."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment, its subscriptions restored."""
        return self._restored.is_set() and self._link is not None and self._link.alive

    async def open(self, *, timeout: float | None = 10.0) -> None:  # noqa: ASYNC109
        """Connect for the first time and await the connect callbacks."""
        if self._supervisor is not None or self._closed:
            raise TransportError("a transport is opened once")
        self._opened = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"{self._name} supervisor")
        try:
            async with asyncio.timeout(timeout):
                await self._opened
        except TimeoutError:
            await self._abandon()
            failure = self._last_failure
            raise NotConnectedError(
                f"no connection to {self._where} within {timeout:g} s: "
                f"{failure.what if failure else 'it did not answer'}",
                remedy=(failure.remedy if failure else "")
                or "check host and port, and that the MQTT broker runs and speaks MQTT 5",
            ) from None
        except BaseException:
            await self._abandon()
            raise
        if self._greeting is not None:
            await asyncio.wait([self._greeting])

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: float | None = None,
        properties: Mapping[str, str] | None = None,
        correlation: bytes | None = None,
        wait: bool = True,
    ) -> None:
        """Publish; see `Transport.publish`."""
        self._check_publish(topic, payload)
        if properties or correlation:
            check_properties(topic, properties or {}, correlation or b"")
        if not wait and not self.connected:
            raise self._not_connected()
        deadline = None if expiry is None else time.monotonic() + expiry
        message = Message(topic, payload, qos, retain, properties, correlation, deadline)
        if qos == 0:
            await self._publish_at_most_once(message)
        elif expiry is None:
            await self._publish_at_least_once(message, durable=wait)
        else:
            try:
                async with asyncio.timeout(expiry):
                    await self._publish_at_least_once(message, durable=wait)
            except TimeoutError:
                raise NotConnectedError(
                    f"the message expired unacknowledged after {expiry:g} s", where=topic
                ) from None

    async def publish_all(self, messages: Iterable[Outbound]) -> asyncio.Future[list[Exception]]:
        """Publish many; see `Transport.publish_all`."""
        group, window = Group(), self._window
        try:
            for each in messages:
                if window.full:
                    await window.admit()
                if self._closed:
                    raise self._not_connected()
                group.add()
                try:
                    self._check_publish(each.topic, each.payload)
                    if each.properties:
                        check_properties(each.topic, each.properties, b"")
                except (LabmeshError, TypeError) as error:
                    group.set_exception(error)
                    continue
                message = Message(
                    each.topic, each.payload, 1, each.retain, each.properties, None, None
                )
                window.add(Outgoing(message, True, group))
        finally:
            group.seal()
        return group.finished

    async def subscribe(
        self, pattern: str, handler: Handler, *, qos: int = 1, manual_ack: bool = False
    ) -> Route:
        """Subscribe; see `Transport.subscribe`. Before `open` it only takes note."""
        if self._closed:
            raise self._not_connected()
        route = self._dispatcher.add(
            pattern, handler, qos=qos, manual_ack=manual_ack, cancel=self._cancel
        )
        self._parked.offer(route)
        if self._supervisor is None:
            return route
        try:
            code = await self._send_subscribe(pattern)
        except BaseException:
            await route.cancel()
            raise
        if code >= 0x80:
            await route.cancel()
            raise TransportError(
                f"the MQTT broker refused the subscription with 0x{code:02X}",
                where=pattern,
                remedy="check its access rules",
            )
        return route

    async def close(self, *, lost: bool = False) -> None:
        """Disconnect; see `Transport.close`. Idempotent. Waiting publishes raise."""
        if self._closed:
            return
        self._closed = True
        self._window.close("the transport is closed")
        await self._end_greeting()
        await self._stop_supervisor()
        self._restored.set()  # for who waits in `subscribe`, to learn that it is over
        if self._link is not None:
            self._link.acks.close()  # what no handler has finished comes again
        await self._dispatcher.close()
        await self._hang_up(lost=lost)
        self._parked.clear()

    # Listener of a link

    def on_publish(self, link: Link, message: Publish) -> None:
        """Dispatch a message."""
        topic, payload, qos, retain, mid, properties, correlation, subscriptions, expiry = message
        delivery = Delivery(topic, payload, qos, retain, properties, _no_ack, correlation, expiry)
        if not qos:
            self._arrived(delivery, None, subscriptions)
            return
        ticket = link.acks.expect(mid)
        if not self._arrived(delivery, ticket, subscriptions):
            ticket.release()

    def on_puback(self, mid: int, code: int) -> None:
        """Complete a publish."""
        self._window.answered(mid, code)

    # Connection

    async def _supervise(self) -> None:
        """Keep a connection until cancelled."""
        attempt = 0
        first = True
        while True:
            allowed = first or await self._is_allowed()
            link = await self._try_connect(first=first) if allowed else None
            if link is not None:
                first = False
                since = time.monotonic()
                reason = await self._serve(link)
                if time.monotonic() - since >= _STABLE:
                    attempt = 0
                log.warning("%s: connection lost: %s", self._name, reason)
            base, cap = self._backoff
            # Full jitter: clients that lost the same MQTT broker must not come back in step.
            await asyncio.sleep(random.uniform(0, min(cap, base * 2**attempt)))  # noqa: S311
            attempt = min(attempt + 1, 30)

    async def _is_allowed(self) -> bool:
        try:
            return all([await permission() for permission in self._permissions])
        except Exception:
            log.exception("%s: cannot tell whether to connect again", self._name)
            return False

    async def _try_connect(self, *, first: bool) -> Link | None:
        clean_start = self._clean_start if first else self._session_expiry == 0
        if not clean_start:
            self._parked.start()
        try:
            return await self._connect(clean_start=clean_start)
        except Exception as error:
            if not isinstance(error, OSError | ConnectRefusedError | ConfigurationError):
                log.exception("%s: cannot connect", self._name)
            failure = self._explain(error)
            if first and is_final(error) and self._opened is not None and not self._opened.done():
                self._opened.set_exception(failure)
            elif self._last_failure is None or failure.what != self._last_failure.what:
                log.warning("%s: %s", self._name, failure)
            self._last_failure = failure
            return None

    async def _serve(self, link: Link) -> str:
        """Restore what a new connection needs, then wait for its end; return why it ended."""
        self._link = link
        self.stats.connections += 1
        self._last_failure = None
        restored = False
        try:
            await self._restore(link)
        except LinkLostError:
            pass
        else:
            restored = True
            self._window.connected(link.send, min(self._size, link.receive_maximum))
            self._restored.set()
            self._greet()
            if self._opened is not None and not self._opened.done():
                self._opened.set_result(None)
        reason = await asyncio.shield(link.lost)
        self._link = None
        self._restored.clear()
        self._parked.clear()
        self._window.disconnected(reason)
        if restored:
            self._tell_disconnected(reason)
        return reason

    async def _restore(self, link: Link) -> None:
        if not link.session_present:
            self._parked.clear()
            self._subscribed.clear()
            self._dispatcher.forget_replays()
        for pattern in self._given_up:  # while there was no connection: a session has them still
            link.unsubscribe(pattern)
        self._given_up.clear()
        # Also what a resumed session should have: an MQTT broker that was killed comes back with
        # the sessions it had saved last, perhaps from before their subscriptions.
        due = list(self._dispatcher.filters.items())
        codes = await asyncio.gather(
            *(
                asyncio.create_task(
                    link.subscribe(pattern, qos, replay=pattern not in self._subscribed),
                    name=f"{self._name} subscribe {pattern}",
                )
                for pattern, qos in due
            )
        )
        for (pattern, _), code in zip(due, codes, strict=True):
            if code < 0x80:
                self._subscribed.add(pattern)
            else:
                self.stats.refused += 1
                log.error(
                    "%s: the MQTT broker refused to restore %s: 0x%02X", self._name, pattern, code
                )

    async def _send_subscribe(self, pattern: str) -> int:
        """Subscribe, after a reconnect once more: only that replays what is retained."""
        while not self._closed:
            link = self._link
            if link is not None and self._restored.is_set():
                try:
                    code = await link.subscribe(pattern, self._dispatcher.filters[pattern])
                except LinkLostError:
                    self._restored.clear()
                else:
                    if code < 0x80:
                        self._subscribed.add(pattern)
                    else:
                        self.stats.refused += 1
                    return code
            await self._restored.wait()
        raise self._not_connected()

    def _cancel(self, route: Route) -> None:
        if not self._dispatcher.remove(route):
            return
        self._subscribed.discard(route.pattern)
        if self._link is not None and self._link.alive:
            self._link.unsubscribe(route.pattern)
        else:
            self._given_up.add(route.pattern)

    async def _publish_at_most_once(self, message: Message) -> None:
        link = self._link
        if link is None or not self._restored.is_set():
            self.stats.dropped += 1
            return
        link.send(message, 0, False)
        self.stats.published += 1
        await link.drain()

    async def _publish_at_least_once(self, message: Message, *, durable: bool) -> None:
        await self._window.admit()
        if self._closed:
            raise self._not_connected()
        acknowledged = asyncio.get_running_loop().create_future()
        outgoing = Outgoing(message, durable, acknowledged)
        self._window.add(outgoing)
        try:
            await acknowledged
        except asyncio.CancelledError:
            self._window.give_up(outgoing)
            raise

    async def _abandon(self) -> None:
        await self._stop_supervisor()
        await self._hang_up(lost=False)

    async def _hang_up(self, *, lost: bool) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close(lost=lost)

    async def _stop_supervisor(self) -> None:
        task, self._supervisor = self._supervisor, None
        self._restored.clear()
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])


def _no_ack() -> None:
    """Acknowledge nothing: the transport does."""
