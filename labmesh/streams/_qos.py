"""Quality of service of a stream, in ROS 2's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from messages.errors import ConfigurationError
from messages.model import Message
from messages.node import Published


@dataclass(frozen=True, slots=True, kw_only=True)
class QoS:
    """How a stream is published, or what its subscriber watches for.

    Nothing is matched: a subscriber gets what there is, and is told where that is less than it
    asked for.

    Attributes:
        reliability: ``best_effort`` (MQTT QoS 0: sent once, lost without a connection) or
            ``reliable`` (QoS 1: sent again until the MQTT broker has it).
        durability: ``volatile``, or ``transient_local``: the MQTT broker keeps the last message for
            late joiners (retained), also when its publisher has gone. A volatile subscription is
            not given what was retained before it.
        depth: Messages that wait for a callback that is busy (or, on the publisher's side, for the
            connection); the oldest ones give way. None: all wait, and reliable ones are not
            acknowledged before the callback is done.
        lifespan: Seconds by the node's clock after which a message is of no use to anyone.
        deadline: Longest time between two messages, in seconds by the node's clock. A subscriber
            watches it from the moment it subscribes; a publisher watches itself.
        liveliness: Wall seconds without a beat of its node (``~/beat``) after which a publisher is
            not alive any more; the node beats three times as often.

    Raises:
        ConfigurationError: A time or the depth is not positive.
    """

    reliability: Literal["best_effort", "reliable"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: int | None = None
    lifespan: float | None = None
    deadline: float | None = None
    liveliness: float | None = None

    def __post_init__(self) -> None:
        for name in ("depth", "lifespan", "deadline", "liveliness"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(
                    f"{name} is {value:g}, and must be positive",
                    where="QoS",
                    remedy="leave it out where it does not matter",
                )

    @property
    def mqtt(self) -> int:
        """MQTT's QoS: 0 or 1."""
        return int(self.reliability == "reliable")

    @property
    def retained(self) -> bool:
        """Whether the MQTT broker keeps the last message."""
        return self.durability == "transient_local"

    def published(self, model: type[Message], description: str) -> Published:
        """Return what a descriptor says of a stream with this profile."""
        return Published(
            type=model.TYPE,
            qos=self.mqtt,
            retained=self.retained,
            lifespan=self.lifespan,
            deadline=self.deadline,
            liveliness=self.liveliness,
            description=description,
        )


DEFAULT: Final = QoS()
"""Reliable and volatile, as rclpy's default; every message waits for its callback."""

SENSOR_DATA: Final = QoS(reliability="best_effort", depth=5)
"""rclpy's qos_profile_sensor_data: the newest matter more than all of them."""

PARAMETERS: Final = QoS(depth=1000)
"""rclpy's qos_profile_parameters."""

PARAMETER_EVENTS: Final = QoS(depth=1000)
"""rclpy's qos_profile_parameter_events."""

LATCHED: Final = QoS(durability="transient_local", depth=1)
"""ROS 1's latched topics: whoever comes gets the last message, and only the newest waits."""
