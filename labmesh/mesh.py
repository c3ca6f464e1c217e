"""A process's seat in the mesh: typed messages over a transport, under one identity."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import UUID

from labmesh._discreet import HERE, without_words
from labmesh.clock import Clock
from labmesh.tracing import OFF, Tracer
from labmesh.transport import Delivery, Subscription, Transport
from messages.envelope import Envelope, Header, RawEnvelope, decode, encode
from messages.errors import LabmeshError, MessageError, NotConnectedError
from messages.ids import NodeId, new_id
from messages.model import Message
from messages.node import Problem
from messages.schema import schema_hash
from messages.topics import Topic, Topics, parse_topic

M = TypeVar("M", bound=Message)
MessageHandler = Callable[[M, Header, Topic], Awaitable[None] | None]
"""Takes a message, its header and its topic. Same rules as `labmesh.transport.Handler`."""

logger = logging.getLogger("labmesh.mesh")

_PROBLEMS_PER_SECOND: Final = 10
"""A flood of bad messages must not become a flood of complaints."""

_GRACE: Final = 2.0
"""Wall seconds that background tasks have to end after they were cancelled."""


OUTLIVED: Final = MessageError(
    "retained, though it is addressed to somebody: it would come again at every start",
    remedy="clear it (labmesh topic clear), and publish it without retain",
)
"""Why a retained call, order or request is not taken: it may be of any age."""


class Mesh:
    """Publishes and receives messages as ``topics.me``.

    Args:
        transport: The connection.
        topics: Identity and realm.
        clock: Stamps what is published.
        epoch: Boot counter of this identity.
        instance: Tells processes of one identity apart; where replies to this one are sent.

    Attributes:
        name: This identity as text.
        delivery: What a handler of `on_message` is being called with; of use until it first waits.
        tracer: Records what is done for a request, where that is switched on.
    """

    def __init__(
        self,
        transport: Transport,
        topics: Topics,
        clock: Clock,
        *,
        epoch: int = 0,
        instance: str = "0",
    ) -> None:
        self.transport = transport
        self.topics = topics
        self.clock = clock
        self.epoch = epoch
        self.instance = instance
        self.problems = 0
        self.tracer: Tracer = OFF
        self.delivery: Delivery | None = None
        self.name: Final = str(topics.me)
        self._seq = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._problem_window = (0, 0)
        self._kept: dict[str, Message | None] = {}
        self.closed = False
        self.discreet = False
        """Whether the words of logs and events stay at the site, one level deeper."""
        transport.on_connect(self._restore)

    @property
    def me(self) -> NodeId:
        """This identity."""
        return self.topics.me

    def next_seq(self) -> int:
        """Return the number of this identity's next message."""
        self._seq += 1
        return self._seq

    def header(self, model: type[Message], *, id: UUID | None = None, trace: str = "") -> Header:  # noqa: A002
        """Return the header of this identity's next message."""
        self.next_seq()
        return self._header(model, id or new_id(), trace)

    def _header(self, model: type[Message], identity: UUID, trace: str) -> Header:
        return Header(
            type=model.TYPE,
            schema=schema_hash(model),
            id=identity,
            stamp=self.clock.now(),
            sender=self.name,
            epoch=self.epoch,
            seq=self._seq,
            trace=trace,
        )

    async def send(
        self,
        topic: str,
        message: Message,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: float | None = None,
        id: UUID | None = None,  # noqa: A002
        trace: str = "",
        correlation: UUID | None = None,
        wait: bool = True,
    ) -> Header:
        """Publish ``message``; with QoS 1 return when the MQTT broker has acknowledged it.

        Raises:
            TransportError: As `Transport.publish`.
        """
        if self.discreet and (less := without_words(message)) is not None:
            here = self.header(type(message), trace=trace)
            await self.transport.publish(
                f"{topic}/{HERE}", encode(here, message), qos=qos, wait=wait
            )
            message = less
        header = self.header(type(message), id=id, trace=trace)
        await self.transport.publish(
            topic,
            encode(header, message),
            qos=qos,
            retain=retain,
            expiry=expiry,
            properties={"type": header.type},
            correlation=correlation.bytes if correlation else None,
            wait=wait,
        )
        return header

    async def keep(self, topic: str, message: Message) -> None:
        """Make ``message`` the retained value of ``topic`` as soon as there is a connection.

        It is published anew after every reconnect, so that an MQTT broker that lost its retained
        messages has them again.

        Raises:
            BodyError: The message does not travel; the value before it stands.
            PublishRefusedError: The MQTT broker refused it.
        """
        encode(self._header(type(message), new_id(), ""), message)
        self._kept[topic] = message
        await self._say(topic)

    async def clear(self, topic: str) -> None:
        """Clear a retained message of one's own, as soon as there is a connection."""
        self._kept[topic] = None
        await self._say(topic)

    async def _say(self, topic: str) -> None:
        """Publish what ``topic`` holds at this moment."""
        message = self._kept.get(topic)
        with suppress(NotConnectedError):
            if message is not None:
                await self.send(topic, message, retain=True, wait=False)
            elif topic in self._kept:
                await self.transport.publish(topic, b"", qos=1, retain=True, wait=False)
                if self._kept.get(topic) is None:
                    self._kept.pop(topic, None)

    def restore(self) -> None:
        """Publish everything that is kept anew, in the background."""
        self.background(self._restore(), "restore what is retained")

    async def _restore(self) -> None:
        for topic in list(self._kept):
            try:
                await self._say(topic)
            except LabmeshError as error:
                logger.warning("%s not restored: %s", topic, error)

    def post(self, topic: str, message: Message, *, qos: int = 0) -> None:
        """Publish without waiting; a failure is only logged. For logs, heartbeats, milestones."""

        async def work() -> None:
            try:
                await self.send(topic, message, qos=qos)
            except LabmeshError as error:
                logger.debug("not published: %s", error)

        if self.transport.connected:
            self.background(work(), f"post {topic}")

    def background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``work`` as a named task that `close` cancels; its failure is logged.

        After `close` nothing is begun any more.
        """
        if self.closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=f"{self.me} {name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def on_message(
        self,
        pattern: str,
        model: type[M],
        handler: MessageHandler[M],
        *,
        cleared: Callable[[Topic], None] | None = None,
    ) -> Subscription:
        """Deliver valid messages of one type to ``handler``.

        What is not valid (bytes, type, schema, body, an author other than the topic's, or retained
        although addressed to somebody) is counted, logged, and told to its sender by a `Problem`;
        it never reaches the handler.

        Args:
            pattern: Topic filter.
            model: The type expected there.
            handler: Takes message, header and topic.
            cleared: Called when a retained message is cleared (empty payload).
        """

        def take(delivery: Delivery) -> Awaitable[None] | None:
            try:
                topic = parse_topic(delivery.topic)
                if not delivery.payload:
                    if cleared is not None:
                        cleared(topic)
                    return None
                if delivery.retain and topic.to is not None:
                    raise OUTLIVED
                envelope = open_delivery(delivery, topic)
                if not isinstance(envelope.body, model):
                    raise MessageError(f"{envelope.header.type} came where {model.TYPE} belongs")
            except LabmeshError as error:
                self.complain(delivery, error)
                return None
            self.delivery = delivery
            return handler(envelope.body, envelope.header, topic)

        if inspect.iscoroutinefunction(handler):

            async def take_async(delivery: Delivery) -> None:
                awaitable = take(delivery)
                if awaitable is not None:
                    await awaitable

            return await self.transport.subscribe(pattern, take_async)
        return await self.transport.subscribe(pattern, take)

    def complain(self, delivery: Delivery, error: LabmeshError) -> None:
        """Count, log and answer a message that could not be taken; in a flood only count."""
        self.problems += 1
        second, count = self._problem_window
        now = int(time.monotonic())
        count = count + 1 if second == now else 1
        self._problem_window = (now, count)
        if count > _PROBLEMS_PER_SECOND:
            return
        logger.warning("message on %s not taken: %s", delivery.topic, error)
        if "/event/problem" in delivery.topic:
            return
        sender: str | None = None
        message: UUID | None = None
        with suppress(LabmeshError):
            sender = str(parse_topic(delivery.topic).author)
        with suppress(LabmeshError):
            message = decode(delivery.payload).header.id
        problem = Problem(
            topic=delivery.topic[:4000], sender=sender, message=message, reason=str(error)[:4000]
        )
        self.post(self.topics.own("event", "problem"), problem, qos=1)

    async def close(self) -> None:
        """Cancel what runs in the background. The transport is its owner's to close. Idempotent."""
        self.closed = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            # A service handler may take its time, or not care at all.
            _, late = await asyncio.wait(tasks, timeout=_GRACE)
            for task in late:
                logger.error("%s does not stop", task.get_name())


def check_author(raw: RawEnvelope, topic: Topic) -> None:
    """Refuse a message whose envelope names another author than its topic.

    Raises:
        MessageError: The author is forged.
    """
    if raw.header.sender != str(topic.author):
        raise MessageError(
            f"the envelope says it is from {raw.header.sender!r}, its topic says {topic.author}",
            where="from",
            remedy="publish as yourself, below your own prefix",
        )


def open_delivery(delivery: Delivery, topic: Topic) -> Envelope:
    """Return the validated message in a delivery.

    Raises:
        MessageError: As `messages.envelope.decode` and `RawEnvelope.open`, or a forged author.
    """
    raw = decode(delivery.payload)
    check_author(raw, topic)
    return raw.open()
