"""The simulator: what an author subclasses."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labmesh.clock import Clock, WallClock
from labmesh.sim._faults import COMMON_FAULTS, Faults
from labmesh.sim._line import SimLine
from labmesh.wire import FolderWire
from messages.errors import ConfigurationError
from messages.model import JsonObject

if TYPE_CHECKING:
    from pymodbus.simulator import SimDevice

_TROUBLES: Final = 50
"""Mistakes of its own that a simulator remembers."""

logger = logging.getLogger("labmesh.sim")

PortKind = Literal["tcp", "serial", "modbus_tcp", "modbus_rtu", "folder"]


@dataclass(frozen=True, slots=True)
class SimPort:
    """A port of the real device.

    Attributes:
        name: As others name it, ``control``.
        kind: What it is.
        default: TCP port of the real device; 0: any free one.
        description: One line.
        settings: What a driver's address needs beside the port: ``baud=9600&bytes=7&parity=O``.
    """

    name: str
    kind: PortKind
    default: int = 0
    description: str = ""
    settings: str = ""

    @property
    def is_tcp(self) -> bool:
        """Whether it has a TCP port number."""
        return self.kind in {"tcp", "modbus_tcp"}


class SimulatorOptions(BaseModel):
    """What may be set of a simulator: fields with a description and a default each."""

    model_config = ConfigDict(extra="forbid")


O = TypeVar("O", bound=SimulatorOptions)  # noqa: E741 - options


class Simulator(Generic[O]):
    """An instrument that is not there.

    Subclass it, name its ports and options, and write `serve` for ports of kind ``tcp`` and
    ``serial``, `modbus` for Modbus ports, `serve_folder` for folders. Give `start` the state that
    the device has after power-up: it is called at each power-up anew. Time of the device passes by
    ``self.clock``. Check limits and refuse as the device would: a driver's mistake shall show.

    Args:
        options: As of the class's ``Options``.
        clock: Whose time the device keeps; the wall's by default.

    Attributes:
        title: Whom it stands in for, with the word *simulated*.
        ports: Of the device.
        fault_kinds: Its own faults, with what they do; `COMMON_FAULTS` are played for it.
        Options: The model of its options.
        faults: What is broken.
        troubles: Mistakes of the simulator itself, the newest last.
    """

    title: ClassVar[str] = "Simulator (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = ()
    fault_kinds: ClassVar[Mapping[str, str]] = {}
    Options: ClassVar[type[SimulatorOptions]] = SimulatorOptions

    def __init__(self, options: O | None = None, *, clock: Clock | None = None) -> None:
        self.options: O = options if options is not None else self.Options()  # type: ignore[assignment]
        self.clock: Clock = clock or WallClock()
        self.faults = Faults(self.all_faults(), self.clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self.troubles: deque[str] = deque(maxlen=_TROUBLES)

    @classmethod
    def all_faults(cls) -> dict[str, str]:
        """Return every fault that it plays, the common ones included."""
        return {**COMMON_FAULTS, **cls.fault_kinds}

    @classmethod
    def make(cls, options: Mapping[str, Any], *, clock: Clock | None = None) -> Simulator[O]:
        """Return one with options as plain data.

        Raises:
            ConfigurationError: An unknown option, or a value that is not valid.
        """
        return cls(cls.parse_options(options), clock=clock)  # type: ignore[arg-type]

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> SimulatorOptions:
        """Return options from plain data; errors as `make`."""
        try:
            return cls.Options.model_validate(dict(options))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            known = ", ".join(cls.Options.model_fields) or "none"
            raise ConfigurationError(
                f"option {name} of {cls.title}: {first['msg']}", remedy=f"it takes {known}"
            ) from None

    # What an author overrides.

    async def start(self) -> None:
        """Power comes on: set the state that the device has then."""

    async def stop(self) -> None:
        """Power goes. What was spawned is cancelled already."""

    async def serve(self, port: str, line: SimLine) -> None:
        """Speak on a line: one TCP connection, or a serial line for as long as there is power.

        Returning hangs up. That the other end hung up is raised in here, as `WireError`.
        """
        raise NotImplementedError(f"{self.title} does not speak on port {port}")

    def modbus(self, port: str) -> SimDevice | list[SimDevice]:
        """Return the units behind a Modbus port, as pymodbus describes them; called at power-up."""
        raise NotImplementedError(f"{self.title} has no Modbus port {port}")

    async def serve_folder(self, port: str, folder: FolderWire) -> None:
        """Speak in files: take what was put there, put what shall be taken."""
        raise NotImplementedError(f"{self.title} has no folder {port}")

    def look(self) -> JsonObject:
        """Return what a person who looks at the device would see, in plain values.

        After a crash somebody has to say how a step ended; points in time are ns of the device's
        clock, so that they compare with the journal's.
        """
        return {}

    def trip(self, kind: str) -> None:
        """Act on a fault of its own that begins: collide, raise an alarm."""

    def cleared(self, kind: str) -> None:
        """Act on a fault of its own that ends."""

    # What an author uses.

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str = "device") -> asyncio.Task[None]:
        """Run the device's own life (a motion, a heater) beside its ports, until power goes."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.title} {name}")
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.trouble(f"{name} crashed: {type(error).__name__}: {error}", error)

        task.add_done_callback(done)
        return task

    def trouble(self, what: str, error: BaseException | None = None) -> None:
        """Note a mistake of the simulator itself, for whoever reads its log or diagnostics."""
        self.troubles.append(what)
        logger.error("%s: %s", self.title, what, exc_info=error)

    async def end_tasks(self) -> None:
        """Cancel what was spawned."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
