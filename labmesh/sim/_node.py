"""A simulator as a node: on the mesh's clock, its faults a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from labmesh.node import NoArguments, Node, NodeParameters, service
from labmesh.sim._faults import FaultOrder, check_kind
from labmesh.sim._find import find_simulator
from labmesh.sim._server import SimulatorServer, check_ports
from labmesh.sim._simulator import Simulator
from messages.errors import ConfigurationError
from messages.model import JsonObject, Model
from messages.node import Level


class SimulatorParameters(NodeParameters):
    """Parameters of a simulator."""

    device: str = Field(description="which simulator: `labmesh sim list` shows them")
    host: str = Field(default="127.0.0.1", description="on which address it listens")
    ports: dict[str, int | str] = Field(
        default_factory=dict,
        description="by port of the device: a TCP port (0: any free one), the link of a "
        "pseudo-terminal, or a folder; what is left out is the device's own TCP port",
    )
    link: str = Field(
        default="", description="the link of the pseudo-terminal, where the device has one only"
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="the device's own: `labmesh sim NAME --help` shows them"
    )
    faults: list[str] = Field(
        default_factory=list, description="played from the start: kind, or kind:after=5,lasts=10"
    )

    @model_validator(mode="after")
    def _fits_the_device(self) -> SimulatorParameters:
        try:
            kind = find_simulator(self.device)
            kind.parse_options(self.options)
            check_ports(kind, self.where())
            for fault in self.faults:
                check_kind(kind.all_faults(), FaultOrder.parse(fault).kind)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return self

    def where(self) -> dict[str, int | str]:
        """Return the ports, that of ``link`` included.

        Raises:
            ConfigurationError: ``link`` is given, and the device has none or several ports for it.
        """
        if not self.link:
            return dict(self.ports)
        kind = find_simulator(self.device)
        return {**link_port(kind, self.link), **self.ports}


def link_port(kind: type[Simulator[Any]], link: str) -> dict[str, int | str]:
    """Return ``link`` under the name of the only port that takes one.

    Raises:
        ConfigurationError: There is none, or there are several.
    """
    takers = [port.name for port in kind.ports if port.kind in {"serial", "modbus_rtu"}]
    if len(takers) != 1:
        has = f"it has {', '.join(takers)}" if takers else "it has none"
        raise ConfigurationError(
            f"a link is for the one serial port of a device, and {kind.title} is not so",
            remedy=f"{has}; name it: PORT=LINK",
        )
    return {takers[0]: link}


class FaultArguments(Model):
    """What to break or mend; without anything: what is broken."""

    kind: str = Field(default="", description="which fault; empty with clear: all of them")
    clear: bool = Field(default=False, description="end it instead of beginning it")
    after: float = Field(default=0.0, ge=0, description="seconds of the mesh's clock until then")
    lasts: float | None = Field(default=None, gt=0, description="seconds; None: until cleared")
    times: int | None = Field(default=None, ge=1, description="strikes; None: without end")


class FaultAnswer(Model):
    """How a simulator fares."""

    active: list[str] = Field(description="faults in force")
    counts: dict[str, int] = Field(description="how often each has struck")
    kinds: dict[str, str] = Field(description="what it can play")
    powered: bool = Field(description="whether it has power")


class SimulatorNode(Node[SimulatorParameters]):
    """An instrument that is not there, on real ports.

    Diagnostic ``simulator`` has the addresses that drivers open, the connections, the faults in
    force and how often each has struck.
    """

    Parameters: ClassVar[type[NodeParameters]] = SimulatorParameters
    server: SimulatorServer

    @classmethod
    def listens_on(cls, parameters: SimulatorParameters) -> Mapping[str, int]:
        """Return the TCP ports that the device will have."""
        kind, given = find_simulator(parameters.device), parameters.where()
        return {
            f"ports.{port.name}": int(given.get(port.name, port.default))
            for port in kind.ports
            if port.is_tcp
        }

    async def on_configure(self) -> None:
        """Make the device; it has no power yet."""
        kind = find_simulator(self.parameters.device)
        simulator = kind.make(self.parameters.options, clock=self.clock)
        where = self.parameters.where()
        self.server = SimulatorServer(simulator, where, host=self.parameters.host)
        self.server.changed = self._tell

    async def on_activate(self) -> None:
        """Switch it on."""
        await self.server.start()
        for fault in self.parameters.faults:
            self.server.simulator.faults.order(fault)
        self.log.info(f"{self.server.simulator.title} at {', '.join(self._where())}")
        self._tell()

    async def on_deactivate(self) -> None:
        """Switch it off and free its ports."""
        await self.server.stop()

    def _where(self) -> list[str]:
        return list(self.server.addresses.values())

    def _tell(self) -> None:
        server, simulator = self.server, self.server.simulator
        faults = simulator.faults
        level, text = Level.OK, f"{simulator.title} is on"
        if not server.powered:
            level, text = Level.WARN, f"{simulator.title} has no power"
        if faults.in_force:
            level, text = Level.WARN, f"{simulator.title} plays {', '.join(faults.in_force)}"
        if simulator.troubles:
            level, text = Level.ERROR, f"the simulator itself: {simulator.troubles[-1]}"
        values: dict[str, Any] = {
            "simulated": True,
            "connections": server.connections,
            **{f"port {name}": address for name, address in server.addresses.items()},
            **{f"fault {kind}": count for kind, count in sorted(faults.counts.items())},
        }
        self.diagnose(
            "simulator", level, text,
            remedy=f"labmesh service call {self.id} sim.fault '{{clear: true}}'"
            if faults.in_force else "",
            **values,
        )  # fmt: skip

    @service("sim.fault")
    async def fault(self, arguments: FaultArguments) -> FaultAnswer:
        """Break something, mend it, or say what is broken."""
        faults = self.server.simulator.faults
        if arguments.clear:
            faults.clear(arguments.kind or None)
        elif arguments.kind:
            faults.order(
                FaultOrder(arguments.kind, arguments.after, arguments.lasts, arguments.times)
            )
        if arguments.clear or arguments.kind:
            did = "mends" if arguments.clear else "plays"
            self.log.info(f"{did} {arguments.kind or 'everything'}", after=arguments.after)
        self._tell()
        return FaultAnswer(
            active=faults.in_force, counts=dict(faults.counts), kinds=faults.kinds,
            powered=self.server.powered,
        )  # fmt: skip

    @service("sim.look")
    async def look(self, arguments: NoArguments) -> JsonObject:
        """What a person who looks at the device would see."""
        simulator = self.server.simulator
        return {"device": simulator.title, "powered": self.server.powered, **simulator.look()}
