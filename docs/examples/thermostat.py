"""A thermometer that streams, and a guard that listens: `labmesh run thermostat:Thermometer`."""

import time

from pydantic import Field

from labmesh import (
    LATCHED,
    SENSOR_DATA,
    DeadlineMissed,
    Level,
    LivelinessChanged,
    MessageInfo,
    NoArguments,
    Node,
    NodeParameters,
    QoS,
    publisher,
    service,
    subscription,
    target,
    timer,
)
from messages.model import Flag, JsonObject, Message, Real


class Temperature(Message, name="Temperature", version=1):
    """A reading, in K."""

    temperature: Real


class Alarm(Message, name="Alarm", version=1):
    """Whether somebody has to look."""

    on: Flag
    reason: str = ""


class Probe:
    """Stands in for the vendor's driver, which blocks while it reads."""

    def read(self) -> float:
        """Return the temperature in K."""
        time.sleep(0.01)
        return 298.15 + time.monotonic() % 1


class ThermometerParameters(NodeParameters):
    """What an operator may set."""

    sample_every: float = Field(default=0.5, gt=0, description="time between two readings, s")


class Thermometer(Node[ThermometerParameters]):
    """Streams what a probe reads."""

    Parameters = ThermometerParameters
    temperature = publisher(
        "temperature", Temperature, qos=QoS(deadline=5.0, lifespan=60.0), description="of the bath"
    )
    raw = publisher("raw", Temperature, qos=SENSOR_DATA)

    async def on_configure(self) -> None:
        """Connect to the probe."""
        self.probe = Probe()

    @timer("sample_every", resource="probe")
    async def sample(self) -> None:
        """Read the probe, and say what it reads."""
        kelvin = await self.in_thread(self.probe.read, resource="probe")
        await self.temperature.publish(Temperature(temperature=kelvin))

    @service("probe.burst", resource="probe")
    async def burst(self, arguments: NoArguments) -> JsonObject:
        """Read as fast as the probe can, in a thread of the driver's own."""
        return {"readings": await self.in_thread(self.read_often, resource="probe")}

    def read_often(self) -> int:
        """Block for a while; each reading is also a sign of life."""
        for _ in range(20):
            self.raw.post(Temperature(temperature=self.probe.read()))
            self.beat(lease=2.0)
        self.beat(None)
        return 20


class GuardParameters(NodeParameters):
    """What an operator may set."""

    highest: float = Field(default=320.0, description="hotter than this is an alarm, K")


class Guard(Node[GuardParameters]):
    """Raises an alarm when a bath is too hot, or when nobody knows."""

    Parameters = GuardParameters
    alarm = publisher("alarm", Alarm, qos=LATCHED)
    heater = target("heater")

    @subscription("bath", "temperature", Temperature, deadline=5.0, liveliness=15.0)
    async def on_temperature(self, message: Temperature, info: MessageInfo) -> None:
        """Look at every reading."""
        hot = message.temperature > self.parameters.highest
        await self.say(hot, f"{info.source} is at {message.temperature:.1f} K" if hot else "")
        if hot:
            await self.heater.call("heater.off")

    async def on_deadline_missed(self, missed: DeadlineMissed) -> None:
        """A bath that nobody measures may be too hot."""
        await self.say(True, f"no reading for {missed.silence:.0f} s")

    async def on_liveliness(self, change: LivelinessChanged) -> None:
        """So may one whose thermometer hangs."""
        if not change.alive:
            await self.say(True, f"{change.node}: {change.reason}")

    async def say(self, on: bool, reason: str) -> None:
        """Tell whoever listens now, and whoever comes later."""
        await self.alarm.publish(Alarm(on=on, reason=reason))
        self.diagnose("bath", Level.ERROR if on else Level.OK, reason or "all is well")
