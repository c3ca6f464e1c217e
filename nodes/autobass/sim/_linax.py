"""Simulator of a Jenny Science LINAX LXS 1800 on a XENAX controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import Field

from labmesh.clock import Clock
from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from nodes.autobass.sim._axis import Axis

REFUSED_OFF, REFUSED_BUSY, REFUSED_UNREFERENCED, REFUSED_LIMIT = "#01", "#03", "#05", "#06"
"""The XENAX answers # and a number; these numbers are this simulator's own."""

OBSTACLE: Final = 50
"""Error after which the axis stood off its course; the number is this simulator's own."""

_MICRO: Final = 1e6


class LinaxOptions(SimulatorOptions):
    """What may be set of the simulated rail."""

    stroke: float = Field(1.8, gt=0, description="length in m")
    position: float = Field(0.25, ge=0, description="where the carriage is at first, m")
    reference_speed: float = Field(0.1, gt=0, description="speed of the reference drive, m/s")


class LinaxSimulator(Simulator[LinaxOptions]):
    """Echoes every command, answers it, and sends the prompt ``>``."""

    title: ClassVar[str] = "Jenny Science LINAX LXS 1800 with XENAX (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("control", "tcp", 10001, "ASCII commands, each ended by CR"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "obstacle": "what moves, or else the next move half-way, ends in error 50",
        "jam": "the carriage does not proceed while this lasts, and nothing is reported",
        "no_reference": "the reference drive finds nothing, once",
    }
    Options: ClassVar[type[SimulatorOptions]] = LinaxOptions

    def __init__(self, options: LinaxOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options, clock=clock)
        self.axis = Axis(self.clock, min(self.options.position, self.options.stroke))
        self._reset()

    def _reset(self) -> None:
        self._powered, self._referenced, self._error, self._events = True, False, 0, False
        self._speed = 0.1
        self._target = 0
        self._way = 0
        self._line: SimLine | None = None

    async def start(self) -> None:
        """Power comes on: the drive is on, the reference unknown, the carriage where it was."""
        self.axis.stop()
        self._reset()

    async def stop(self) -> None:
        """Power goes: the carriage stands."""
        self.axis.stop()

    def trip(self, kind: str) -> None:
        """Block the carriage."""
        if kind == "jam":
            self.axis.jam(jammed=True)
        elif kind == "obstacle":
            self.faults.clear(kind)
            if self.axis.moving:
                self._collide()
            else:
                self.axis.blocked = True

    def cleared(self, kind: str) -> None:
        """Let the carriage go on."""
        if kind == "jam":
            self.axis.jam(jammed=False)

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer commands."""
        self._line = line
        self._events = False
        while True:
            text = (await line.read_until(b"\r")).decode("ascii", "replace").strip()
            answer, events = self._handle(text.upper()) if text else ("", [])
            body = f"{text}\r\n" + (f"{answer}\r\n" if answer else "") + ">"
            await line.write((body + "".join(f"{event}\r\n>" for event in events)).encode())

    def _handle(self, text: str) -> tuple[str, list[str]]:
        """Return the answer to a command and the events that it causes."""
        name = text.rstrip("0123456789-+ ")
        number = text[len(name) :].strip()
        if name in {"SP", "PO", "WA", "G"} and not _is_whole(number):
            return "?", []
        if name in {"EVT", "TP", "TS", "TE", "TES", "SM", "PQ", "PW"}:
            return self._plain(name, number)
        if name == "SP":
            self._speed = max(1e-5, int(number) / _MICRO)
        elif name == "PO":
            self._target = int(number)
        elif name == "WA":
            self._way = int(number)
        elif name == "G":
            return self._go(int(number))
        elif name == "GP":
            return self._go(self._target)
        elif name == "GW":
            return self._go(round(self.axis.position * _MICRO) + self._way)
        elif name == "REF":
            return self._reference()
        else:
            return "?", []
        return "", []

    def _plain(self, name: str, number: str) -> tuple[str, list[str]]:
        if name == "EVT":
            self._events = number == "1"
            known = ["@H"] if self._referenced else []
            return "", [f"@S{self._status}", *known] if self._events else []
        if name in {"TP", "TS", "TE", "TES"}:
            answers = {
                "TP": round(self.axis.position * _MICRO),
                "TS": self._status,
                "TE": self._error,
                "TES": "POSITION DEVIATION" if self._error else "NO ERROR",
            }
            return str(answers[name]), []
        self.axis.stop()
        if name == "PQ":
            self._powered = False
        elif name == "PW":
            self._powered = True
            self._referenced = self._referenced and not self._error
            self._error = 0
        return "", self._event()

    def _go(self, target: int) -> tuple[str, list[str]]:
        refused = ""
        if not self._powered or self._error:
            refused = REFUSED_OFF
        elif not self._referenced:
            refused = REFUSED_UNREFERENCED
        elif self.axis.moving:
            refused = REFUSED_BUSY
        elif not 0 <= target <= self.options.stroke * _MICRO:
            refused = REFUSED_LIMIT
        if refused:
            return refused, []
        self.axis.move(target / _MICRO, self._speed)
        self.spawn(self._arrive(), name="carriage")
        return "", self._event()

    def _reference(self) -> tuple[str, list[str]]:
        if not self._powered or self._error or self.axis.moving:
            return REFUSED_BUSY if self.axis.moving else REFUSED_OFF, []
        self.axis.move(0.0, self.options.reference_speed)
        self.spawn(self._find(), name="reference drive")
        return "", self._event()

    async def _find(self) -> None:
        await self.axis.arrived()
        if self.axis.position == 0.0 and not self.faults.take("no_reference"):
            self._referenced = True
            await self._tell(["@H"])
        await self._tell(self._event())

    async def _arrive(self) -> None:
        await self.axis.arrived()
        await self._tell(self._event())

    def _collide(self) -> None:
        self.axis.stop()
        self._error = OBSTACLE

    async def _tell(self, events: list[str]) -> None:
        if self._events and self._line is not None and self._line.is_open:
            await self._line.write("".join(f"{event}\r\n>" for event in events).encode())

    def _event(self) -> list[str]:
        return [f"@S{self._status}"] if self._events else []

    @property
    def _status(self) -> int:
        if self.axis.collided:
            self._collide()
        if self._error:
            return 9
        return 2 if self.axis.moving else int(self._powered)


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 12
