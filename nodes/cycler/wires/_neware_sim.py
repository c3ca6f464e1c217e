"""Simulated Neware cyclers behind the port of BTS 8's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from xml.etree.ElementTree import Element

from labmesh.sim import SimLine, SimPort, Simulator
from labmesh.wire import WireError
from nodes.cycler.wires._channel_model import (
    KINDS,
    CyclerOptions,
    Reading,
    SimulatedChannel,
)
from nodes.cycler.wires._neware_messages import END, document, element, list_of, parse

_DEVICE: Final[dict[str, Any]] = {"devtype": 27, "devid": 21}
_PER_SUBDEVICE: Final = 8
_STEPS: Final = {"rest": "rest", "charge": "cc", "discharge": "dc"}
_WORK: Final = {"never": "finish", "finished": "finish", "stopped": "stop", "protect": "protect"}
_PROTECT_CODE: Final = 100012

Where = tuple[int, int]
"""Sub-device and channel."""


class NewareSimulator(Simulator[CyclerOptions]):
    """BTS 8 with a device whose cells are linear; sub-devices have eight channels each."""

    title = "Neware BTS 8 (simulated)"
    ports = (SimPort("api", "tcp", 502, "BTS API; Modbus has the same port"),)
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "protect": "a safety limit trips on every channel that runs",
        "refuse": "commands are answered with false",
        "subdevice": "answers name sub-device 1 whatever was asked, as some BTS do",
        "other_channel": "answers name the next channel",
    }
    Options = CyclerOptions

    async def start(self) -> None:
        """As after power-up: nothing runs."""
        count = self.options.channels
        self.channels = {
            (n // _PER_SUBDEVICE + 1, n % _PER_SUBDEVICE + 1): SimulatedChannel(self.options)
            for n in range(count)
        }
        self.lit: set[Where] = set()
        self.test_ids = dict.fromkeys(self.channels, 0)

    def trip(self, kind: str) -> None:
        """Trip the safety limits."""
        if kind == "protect":
            for channel in self.channels.values():
                channel.stop("protect", self._now())

    def _now(self) -> float:
        return self.clock.now() / 1e9

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer one client; what is no document ends the connection."""
        admitted = False
        while True:
            try:
                command, asked = parse(await line.read_until(END), line.peer)
            except WireError:
                return
            if command == "connect":
                admitted = True
                await line.write(document("connect_resp", element("result", "ok")))
            elif admitted:
                await line.write(self.answer(command, asked))
            else:
                return

    def answer(self, command: str, asked: Element) -> bytes:
        """Return the answer to one document."""
        if command == "getdevinfo":
            found = [
                element("channel", "true", ip="127.0.0.1", **_DEVICE, subdevid=sub, Channelid=chl)
                for sub, chl in self.channels
            ]
            return document("getdevinfo_resp", list_of(found, "middle"))
        if command == "download":
            return self._download(asked.find("download"))
        items = asked.find("list")
        does: Mapping[str, Callable[[Element], Element]] = {
            "getchlstatus": self._state, "inquire": self._inquire, "inquiredf": self._test,
            "start": self._start, "stop": self._stop, "light": self._light,
            "clearflag": lambda item: self._reply(item, ok=True),
        }  # fmt: skip
        if items is None or command not in does:
            return document(f"{command}_resp", element("result", "false"))
        tag = {"getchlstatus": "status", "inquiredf": "chl"}.get(command, command)
        return document(
            f"{command}_resp", list_of([does[command](item) for item in items.findall(tag)])
        )

    def _where(self, item: Element) -> Where:
        return int(item.get("subdevid", "0")), int(item.get("chlid", "0"))

    def _named(self, item: Element) -> dict[str, Any]:
        sub, chl = self._where(item)
        if self.faults.strike("subdevice"):
            sub = 1
        if self.faults.strike("other_channel"):
            chl += 1
        return {**_DEVICE, "subdevid": sub, "chlid": chl}

    def _reply(self, item: Element, *, ok: bool) -> Element:
        ok = ok and self._where(item) in self.channels and not self.faults.strike("refuse")
        said = "ok" if ok else "false"
        return element(item.tag, said, ip=item.get("ip", ""), **self._named(item))

    def _work(self, where: Where) -> str:
        channel = self.channels.get(where)
        if channel is None:
            return "false"
        channel.at(self._now())
        return _WORK[channel.ended] if channel.ended else "working"

    def _state(self, item: Element) -> Element:
        named = self._named(item)
        return element(
            "status", self._work(self._where(item)), ip=item.get("ip", ""), **named, reservepause=1
        )

    def _inquire(self, item: Element) -> Element:
        where, named = self._where(item), self._named(item)
        dev = "-".join(str(named[name]) for name in ("devtype", "devid", "subdevid", "chlid"))
        channel = self.channels.get(where)
        if channel is None:
            return element("inquire", dev=f"{dev}-0", workstatus="false")
        now = channel.at(self._now())
        kind = "--" if now.step is None else _STEPS[KINDS[now.step]]
        steps: dict[str, Any] = {} if now.step is None else {"step_id": now.step + 1}
        work = self._work(where)
        return element(
            "inquire", dev=f"{dev}-0", cycle_id=1, **steps, step_type=kind, workstatus=work,
            barcode=channel.test, current=round(now.current, 7), voltage=round(now.voltage, 4),
            capacity=round(now.charged - now.discharged, 7), energy=0, totaltime=now.test_time,
            relativetime=now.step_time, open_or_close=0,
            log_code=_PROTECT_CODE if work == "protect" else 0,
        )  # fmt: skip

    def _start(self, item: Element) -> Element:
        where = self._where(item)
        may = bool(item.text) and self._work(where) in set(_WORK.values())
        reply = self._reply(item, ok=may)
        if reply.text == "ok":
            self.channels[where].schedule = item.text or ""
            self.channels[where].start(item.get("barcode", ""), self._now())
            self.test_ids[where] += 1
        return reply

    def _stop(self, item: Element) -> Element:
        where = self._where(item)
        reply = self._reply(item, ok=self._work(where) == "working")
        if reply.text == "ok":
            self.channels[where].stop("stopped", self._now())
        return reply

    def _light(self, item: Element) -> Element:
        reply = self._reply(item, ok=True)
        if reply.text == "ok":
            (self.lit.add if item.text == "true" else self.lit.discard)(self._where(item))
        return reply

    def _records(self, where: Where) -> list[Reading]:
        channel = self.channels.get(where)
        return channel.records(self._now()) if channel is not None else []

    def _test(self, item: Element) -> Element:
        where = self._where(item)
        count, running = len(self._records(where)), self._work(where) == "working"
        return element(
            "chl", "false" if running else "true", **self._named(item),
            testid=self.test_ids.get(where, 0), count=count,
        )  # fmt: skip

    def _download(self, asked: Element | None) -> bytes:
        item = asked if asked is not None else element("download")
        where = self._where(item)
        first, most = int(item.get("startpos", "0")), int(item.get("count", "0"))
        records = self._records(where)
        rows = [
            self._row(where, n, records[n - 1])
            for n in range(max(first, 1), min(first + most, len(records) + 1))
        ]
        head = element(
            "download", **self._named(item), testid=self.test_ids.get(where, 0), startpos=first,
            count=most, auxid=0,
        )  # fmt: skip
        return document("donwload_resp", head, list_of(rows))

    def _row(self, where: Where, number: int, seen: Reading) -> Element:
        began = datetime.fromtimestamp(self.channels[where].began, UTC)
        stamp = (began + timedelta(seconds=seen.test_time)).strftime("%Y-%m-%d %H:%M:%S")
        step = seen.step or 0
        # Of the step alone, without a sign: as BTS counts.
        charge = (0.0, seen.charged, seen.discharged)[step]
        energy = (0.0, seen.energy_in, seen.energy_out)[step]
        return element(
            "data", seqid=number, stepid=step + 1, cycleid=1, steptype=_STEPS[KINDS[step]],
            testtime=round(seen.step_time * 1000), atime=stamp, volt=seen.voltage,
            curr=seen.current, cap=charge, eng=energy,
        )  # fmt: skip
