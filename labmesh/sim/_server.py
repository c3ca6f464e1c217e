"""Puts a simulator on its ports, and takes its power away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from labmesh.sim._faults import FaultOrder
from labmesh.sim._folder import SimFolder
from labmesh.sim._line import SimLine
from labmesh.sim._modbus import ModbusUnits
from labmesh.sim._ports import FolderPort, SerialPort, TcpPort
from labmesh.sim._simulator import SimPort, Simulator
from labmesh.wire import InputBuffer
from messages.errors import ConfigurationError, LabmeshError, WireError

Where = int | str | Path

_AGAIN: Final = 0.01
"""Wall seconds until a serial line that was left is served again."""


class SimulatorServer:
    """A simulator on real ports.

    Args:
        simulator: Which.
        ports: By name: a TCP port (0: any free one) or, for serial ports, a link and for folders a
            path. What is left out is the device's own TCP port, and no link.
        host: On which to listen.

    Attributes:
        addresses: What a driver opens, by port; complete once started.
        powered: Whether it has power and its ports are open.
        changed: Called when power, connections or faults have changed.

    Raises:
        ConfigurationError: A port that the simulator has not, or a folder without a path.
    """

    def __init__(
        self, simulator: Simulator[Any], ports: Mapping[str, Where] | None = None,
        *, host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self.simulator = simulator
        self.addresses: dict[str, str] = {}
        self.powered = False
        self._on = False
        self.changed: Callable[[], None] = lambda: None
        self._ports = {port.name: port for port in simulator.ports}
        self._serving: set[asyncio.Task[None]] = set()
        self._units: dict[str, ModbusUnits] = {}
        self._tcp: dict[str, TcpPort] = {}
        self._serial: dict[str, SerialPort] = {}
        self._folders: dict[str, FolderPort] = {}
        self._switch = asyncio.Lock()
        self._switching: set[asyncio.Task[None]] = set()
        given = check_ports(type(simulator), ports or {})
        for port in simulator.ports:
            where = given.get(port.name)
            if port.is_tcp:
                number = int(str(where)) if where is not None else port.default
                whose = f"{simulator.title} ({port.name})"
                self._tcp[port.name] = TcpPort(host, number, whose, self._connected(port))
            elif port.kind == "folder":
                self._folders[port.name] = FolderPort(Path(str(where)).absolute(), port.settings)
            else:
                self._serial[port.name] = SerialPort(Path(where) if where is not None else None)  # type: ignore[arg-type]

    async def start(self) -> None:
        """Open the ports and switch the device on.

        Raises:
            WireError: A port is taken or forbidden; says which, and the remedy.
        """
        self.simulator.faults.changed.append(self._fault)
        try:
            for name, serial in self._serial.items():
                await serial.open()
                self.addresses[name] = self._address(self._ports[name], serial.path)
            await self._power_on()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Switch the device off and close the ports."""
        faults = self.simulator.faults
        if self._fault in faults.changed:
            faults.changed.remove(self._fault)
        faults.close()
        for task in list(self._switching):
            task.cancel()
        await self._power_off()
        for serial in self._serial.values():
            await serial.close()

    @property
    def connections(self) -> int:
        """How many TCP connections there are."""
        return sum(port.connections for port in self._tcp.values())

    def address(self, port: str | None = None) -> str:
        """Return the address of a port; without a name, of the only or first one."""
        return self.addresses[port if port is not None else self.simulator.ports[0].name]

    # Power.

    async def _power_on(self) -> None:
        async with self._switch:
            if self._on:
                return
            self._on = True
            await self.simulator.start()
            self._units = {
                port.name: ModbusUnits(
                    self.simulator.modbus(port.name), rtu=port.kind == "modbus_rtu"
                )
                for port in self.simulator.ports
                if port.kind.startswith("modbus")
            }
            for name, tcp in self._tcp.items():
                await tcp.open()
                self.addresses[name] = self._address(self._ports[name], f"{tcp.host}:{tcp.number}")
            for name, serial in self._serial.items():
                serial.power(on=True)
                self._run(self._serve_serial(self._ports[name], serial))
            for name, folder in self._folders.items():
                instrument = await folder.open()
                self.addresses[name] = self._address(self._ports[name], str(folder.path))
                end = SimFolder(instrument, folder.written, self.simulator.faults)
                self._run(self._guarded(name, lambda n=name, e=end: self._folder(n, e)))  # type: ignore[misc]
            self.powered = True
        self.changed()

    async def _power_off(self) -> None:
        async with self._switch:
            was, self._on, self.powered = self._on, False, False
            for tcp in self._tcp.values():
                await tcp.close()
            for serial in self._serial.values():
                serial.power(on=False)
            tasks = list(self._serving)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.simulator.end_tasks()
            if was:
                await self.simulator.stop()
        self.changed()

    def _fault(self, kind: str, begins: bool) -> None:
        if kind == "power_cut":
            self.simulator.faults.counts[kind] += int(begins)
            task = asyncio.get_running_loop().create_task(self._switch_power(on=not begins))
            self._switching.add(task)
            task.add_done_callback(self._switching.discard)
        elif kind in self.simulator.fault_kinds:
            if begins:
                self.simulator.trip(kind)
            else:
                self.simulator.cleared(kind)
        self.changed()

    async def _switch_power(self, *, on: bool) -> None:
        try:
            await (self._power_on() if on else self._power_off())
        except LabmeshError as error:
            self.simulator.trouble(f"power does not come back: {error}")
        except Exception as error:  # noqa: BLE001 - a mistake of the simulator's author is told
            self.simulator.trouble(f"power: {type(error).__name__}: {error}", error)

    # Lines.

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def _connected(self, port: SimPort) -> Any:
        async def serve(
            input_: InputBuffer, send: Callable[[bytes], Awaitable[None]], peer: str
        ) -> None:
            line = SimLine(input_, send, self.simulator.faults, peer)
            self.changed()
            try:
                await self._guarded(port.name, lambda: self._speak(port, line))
            finally:
                asyncio.get_running_loop().call_soon(self.changed)

        return serve

    async def _serve_serial(self, port: SimPort, serial: SerialPort) -> None:
        while self._on:
            line = SimLine(serial.input, serial.send, self.simulator.faults, serial.path)
            await self._guarded(port.name, lambda line=line: self._speak(port, line))  # type: ignore[misc]
            # A `serve` that ends at once, again and again, must not take the whole loop.
            await asyncio.sleep(_AGAIN)

    async def _speak(self, port: SimPort, line: SimLine) -> None:
        if port.name in self._units:
            await self._units[port.name].serve(line)
        else:
            await self.simulator.serve(port.name, line)

    async def _folder(self, name: str, folder: SimFolder) -> None:
        await self.simulator.serve_folder(name, folder)

    async def _guarded(self, port: str, serve: Callable[[], Awaitable[None]]) -> None:
        try:
            await serve()
        except WireError:
            return  # whoever was there hung up
        except Exception as error:  # noqa: BLE001 - whatever a driver sent, the simulator lives on
            what = f"port {port}: {type(error).__name__}: {error}"
            self.simulator.trouble(what, error)

    @staticmethod
    def _address(port: SimPort, where: str) -> str:
        scheme = {
            "tcp": "tcp", "serial": "serial", "folder": "folder",
            "modbus_tcp": "modbus+tcp", "modbus_rtu": "modbus+rtu",
        }[port.kind]  # fmt: skip
        return f"{scheme}://{where}" + (f"?{port.settings}" if port.settings else "")


def check_ports(kind: type[Simulator[Any]], ports: Mapping[str, Where]) -> dict[str, Where]:
    """Return the ports given for a simulator.

    Raises:
        ConfigurationError: A port that it has not, one of the wrong kind, or a folder without path.
    """
    known = {port.name: port for port in kind.ports}
    for name, where in ports.items():
        port = known.get(name)
        if port is None:
            raise ConfigurationError(
                f"{kind.title} has no port {name!r}", remedy=f"it has {', '.join(known)}"
            )
        number = isinstance(where, int) or str(where).isdecimal()
        if port.is_tcp and not (number and 0 <= int(where) < 65536):  # type: ignore[arg-type]
            raise ConfigurationError(
                f"port {name!r} of {kind.title} is a TCP port, not {str(where)!r}",
                remedy="give a number, 0 for any free one",
            )
        if not port.is_tcp and number:
            raise ConfigurationError(
                f"port {name!r} of {kind.title} is a {port.kind} port, not {where}",
                remedy="give a path",
            )
    for port in kind.ports:
        if port.kind == "folder" and not ports.get(port.name):
            raise ConfigurationError(
                f"port {port.name!r} of {kind.title} is a folder: which?",
                remedy=f"ports: {{{port.name}: PATH}}, or --port {port.name}=PATH",
            )
    return dict(ports)


@asynccontextmanager
async def run_simulator(
    simulator: Simulator[Any],
    ports: Mapping[str, Where] | None = None,
    *,
    faults: tuple[FaultOrder | str, ...] = (),
    host: str = "127.0.0.1",
) -> AsyncIterator[SimulatorServer]:
    """Run a simulator in this event loop for as long as the block runs.

    Args:
        simulator: Which.
        ports: As of `SimulatorServer`; TCP ports that are left out are any free ones here.
        faults: Played from the start.
        host: On which to listen.
    """
    free: dict[str, Where] = {port.name: 0 for port in simulator.ports if port.is_tcp}
    server = SimulatorServer(simulator, {**free, **(ports or {})}, host=host)
    await server.start()
    try:
        for fault in faults:
            simulator.faults.order(fault)
        yield server
    finally:
        await server.stop()
