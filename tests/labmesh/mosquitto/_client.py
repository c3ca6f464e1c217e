"""paho-mqtt, reduced to what these tests ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from typing import Any

from paho.mqtt.client import Client as Paho
from paho.mqtt.client import MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_SECONDS = 10.0


class Client:
    """A connected MQTT 5 client."""

    def __init__(self, paho: Paho) -> None:
        self.paho = paho
        self.messages: Queue[MQTTMessage] = Queue()
        self.connected = threading.Event()
        self.properties: Any = None
        self._acks: dict[int, ReasonCode] = {}
        self._news = threading.Condition()
        paho.on_connect = self._on_connect
        paho.on_message = lambda _client, _data, message: self.messages.put(message)
        paho.on_publish = self._on_ack
        paho.on_subscribe = lambda c, d, mid, codes, p: self._on_ack(c, d, mid, codes[0], p)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish with QoS 1; return the reason code of the PUBACK."""
        return self._await(self.paho.publish(topic, payload, qos=1, retain=retain).mid)

    def publish_many(self, topic: str, count: int) -> None:
        """Publish 0, 1, ... with QoS 1 and wait until all are acknowledged."""
        sent = [self.paho.publish(topic, b"%d" % number, qos=1) for number in range(count)]
        for info in sent:
            info.wait_for_publish(_SECONDS)
            assert info.is_published()

    def subscribe(self, pattern: str) -> int:
        """Subscribe with QoS 1; return the reason code of the SUBACK."""
        mid = self.paho.subscribe(pattern, qos=1)[1]
        assert mid is not None
        return self._await(mid)

    def receive(self, timeout: float = _SECONDS) -> tuple[str, bytes]:
        """Return topic and payload of the next message."""
        message = self.messages.get(timeout=timeout)
        return message.topic, bytes(message.payload)

    def received_nothing(self, timeout: float) -> bool:
        """Whether nothing comes within ``timeout`` seconds."""
        try:
            self.messages.get(timeout=timeout)
        except Empty:
            return True
        return False

    def _await(self, mid: int) -> int:
        with self._news:
            assert self._news.wait_for(lambda: mid in self._acks, _SECONDS), "no acknowledgement"
            return self._acks.pop(mid).value

    def _on_connect(
        self, _client: Paho, _data: Any, _flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self.properties = properties
        if not code.is_failure:
            self.connected.set()

    def _on_ack(self, _client: Paho, _data: Any, mid: int, code: ReasonCode, _p: Any) -> None:
        with self._news:
            self._acks[mid] = code
            self._news.notify_all()


@contextmanager
def client(
    port: int,
    user: str | None = None,
    password: str | None = None,
    *,
    client_id: str = "",
    will: tuple[str, bytes] | None = None,
    session: int = 0,
    patience: float = _SECONDS,
) -> Iterator[Client]:
    """Connect; on leaving, break the connection when there is a will, so that it is published.

    With ``session`` seconds of expiry the session is kept, else it is new and ends here.
    """
    paho = Paho(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
    if user is not None:
        paho.username_pw_set(user, password)
    if will is not None:
        paho.will_set(will[0], will[1], qos=1, retain=True)
    wrapped = Client(paho)
    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session
    paho.connect("127.0.0.1", port, keepalive=60, clean_start=not session, properties=properties)
    paho.loop_start()
    try:
        assert wrapped.connected.wait(patience), "not connected"
        yield wrapped
    finally:
        if will is not None and (sock := paho.socket()) is not None:
            sock.close()
        else:
            paho.disconnect()
        paho.loop_stop()
