"""The transport over a real MQTT 5 broker."""

from __future__ import annotations

from typing import Final

from labmesh.transport._connection import Link
from labmesh.transport._healing import HealingTransport
from labmesh.transport._limits import BrokerLimits
from labmesh.transport._mqtt_link import MqttLink
from labmesh.transport._options import MqttOptions
from labmesh.transport._refusals import explain
from messages.errors import NotConnectedError

HANDSHAKE: Final = 5.0
"""Seconds that one attempt to connect may take."""


class MqttTransport(HealingTransport):
    """`Transport` over one MQTT 5 connection; see `MqttOptions`.

    What a return of `publish` with QoS 1 promises: the MQTT broker took the message. Whether it
    survives a crash of the MQTT broker or reaches anybody is not known here; the ledger's receipt
    says that. A message may arrive more than once, never out of order per publisher and topic
    except for such repetitions. Handlers whose filters overlap get one copy each where
    the MQTT broker knows subscription identifiers, else as many as it sends.

    Subscriptions made before `open` are made on connecting. With ``clean_start=False`` messages of
    the resumed session that no handler here wants yet stay unacknowledged until one does, or for
    30 s.
    """

    def __init__(self, options: MqttOptions) -> None:
        super().__init__(
            options.client_id,
            will=options.will,
            clean_start=options.clean_start,
            session_expiry=options.session_expiry,
            window=options.window,
            backoff=options.backoff,
        )
        self.options = options
        self.limits: BrokerLimits | None = None
        """What the MQTT broker said of itself at the last connection; None before the first."""

    async def _connect(self, *, clean_start: bool) -> Link:
        link = await MqttLink.connect(
            self, self.options, will=self._will, clean_start=clean_start, timeout=HANDSHAKE
        )
        self.limits = link.limits
        return link

    def _explain(self, error: Exception) -> NotConnectedError:
        return explain(error, self.options.address)

    @property
    def _where(self) -> str:
        return f"the MQTT broker at {self.options.address}"
