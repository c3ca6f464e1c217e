"""A client of Neware's BTS 8 API."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from labmesh.wire import ByteWire, WireError, WireRefusedError
from nodes.cycler.wires._neware_messages import (
    END,
    document,
    element,
    list_of,
    number,
    parse,
    whole,
)

MAY_START: Final = frozenset({"finish", "stop", "protect"})
"""Work states in which BTS takes a start; in others it would answer false, or worse."""

_PATIENCE: Final = 10.0
"""Wall seconds to wait for an answer; a large download takes BTS seconds."""

_WHERE: Final = ("devtype", "devid", "subdevid", "chlid")

_PIECE: Final = 1000
"""Records that one download asks for."""


@dataclass(frozen=True, slots=True, order=True)
class NewareChannel:
    """Where a channel is: device type, device, sub-device, channel; ``ip`` as BTS gives it."""

    devtype: int
    devid: int
    subdevid: int
    chlid: int
    ip: str = "127.0.0.1"

    def __str__(self) -> str:
        return f"{self.devid}-{self.subdevid}-{self.chlid}"

    @property
    def key(self) -> tuple[int, int, int, int]:
        """What an answer must name."""
        return self.devtype, self.devid, self.subdevid, self.chlid

    def named(self, tag: str, text: str = "", **more: Any) -> Element:
        """Return an element that names the channel."""
        return element(
            tag, text, ip=self.ip, devtype=self.devtype, devid=self.devid, subdevid=self.subdevid,
            chlid=self.chlid, **more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewareStatus:
    """What BTS says of a channel. A, V, s; None where it says nothing.

    Attributes:
        work: ``working``, ``finish``, ``stop``, ``pause``, ``protect`` ...
        barcode: Of the test.
        step: From 1.
        cycle: From 1.
        step_type: ``rest``, ``cc``, ``cv``, ``dc`` ...
        log_code: BTS' reason, 0 for none.
    """

    channel: NewareChannel
    work: str
    barcode: str
    step: int | None
    cycle: int | None
    step_type: str
    current: float | None
    voltage: float | None
    total_time: float | None
    log_code: int


class NewareClient:
    """Speaks the BTS 8 API over a wire. One question at a time; nothing is asked twice.

    Args:
        wire: A TCP wire to BTS, port 502 (which is Modbus', too).
        patience: Wall seconds to wait for an answer.

    Attributes:
        channels: All that BTS has; known after `connect`.
    """

    def __init__(self, wire: ByteWire, *, patience: float = _PATIENCE) -> None:
        self._wire = wire
        self._patience = patience
        self._lock = asyncio.Lock()
        self._stops: deque[object] = deque()  # who awaits the next answers to a stop
        self.channels: tuple[NewareChannel, ...] = ()

    async def connect(self, username: str = "admin", password: str = "neware") -> None:  # noqa: S107
        """Open the line, log in (the defaults are BTS' own), and learn of the channels.

        Raises:
            WireRefusedError: BTS refuses, or has no channels.
            WireError: As of wires.
        """
        await self._wire.open()
        self._stops.clear()
        login = element("username", username), element("password", password)
        answer = await self._ask("connect", *login, element("type", "bfgs"))
        if answer.findtext("result") != "ok":
            raise WireRefusedError(
                f"BTS refuses the login of {username!r}", where=self._wire.address,
                remedy="check user and password in BTS Server",
            )  # fmt: skip
        found = (await self._ask("getdevinfo")).find("middle")
        self.channels = tuple(
            sorted(
                NewareChannel(
                    whole(each.attrib, "devtype"), whole(each.attrib, "devid"),
                    whole(each.attrib, "subdevid"), whole(each.attrib, "Channelid"),
                    each.attrib.get("ip", "127.0.0.1"),
                )
                for each in (found if found is not None else ())
            )
        )  # fmt: skip
        if not self.channels:
            raise WireRefusedError(
                "BTS has no channels", where=self._wire.address,
                remedy="are the cyclers switched on, and seen by BTS Client?",
            )  # fmt: skip

    async def close(self) -> None:
        """Close the line."""
        await self._wire.close()

    async def inquire(self, channels: Sequence[NewareChannel]) -> list[NewareStatus]:
        """Return what BTS says of channels."""
        if not channels:
            return []
        asked = [channel.named("inquire", "true", aux=0, barcode=1) for channel in channels]
        items = self._items(await self._ask("inquire", list_of(asked)), len(channels))
        return [self._status(c, e.attrib) for c, e in zip(channels, items, strict=True)]

    async def work_states(self, channels: Sequence[NewareChannel]) -> list[str]:
        """Return the work state of channels alone."""
        asked = [channel.named("status", "true") for channel in channels]
        items = self._items(await self._ask("getchlstatus", list_of(asked)), len(channels))
        for channel, item in zip(channels, items, strict=True):
            self._check(channel, item.attrib)
        return [item.text or "" for item in items]

    async def start(self, channel: NewareChannel, file: str, *, barcode: str, backup: str) -> None:
        """Start the step file ``file`` (a path on BTS' computer); ``backup`` is where results go.

        Raises:
            WireRefusedError: The channel is in no state to be started, or BTS says no.
        """
        [work] = await self.work_states([channel])
        if work not in MAY_START:
            raise WireRefusedError(
                f"channel {channel} is {work!r}",
                where=self._wire.address,
                remedy=f"BTS starts only from {', '.join(sorted(MAY_START))}: wait for its end, "
                "stop it, or take another channel",
            )
        save = element(
            "backup", backupdir=backup, remotedir="", filenametype=0, customfilename="",
            addtimewhenrepeat=0, createdirbydate=0, filetype=0, backupontime=1,
            backupontimeinterval=720, backupfree=1,
        )  # fmt: skip
        items = list_of([channel.named("start", file, barcode=barcode)])
        items.append(save)
        await self._told(
            "start", channel, items,
            done=lambda now: now.work == "working" and now.barcode == barcode,
        )  # fmt: skip

    async def stop(self, channel: NewareChannel) -> None:
        """Stop a channel's test; errors as `start`."""
        items = list_of([channel.named("stop", "true")])
        await self._told("stop", channel, items, done=lambda now: now.work != "working")

    async def stop_all_now(self) -> None:
        """Send the stop of all channels past every queue; no answer is awaited."""
        every = list_of([channel.named("stop", "true") for channel in self.channels])
        self._stops.append(None)
        await self._wire.write(document("stop", every))

    async def light(self, channel: NewareChannel, *, on: bool = True) -> None:
        """Light a channel's lamp, so that people find it; errors as `start`."""
        word = "true" if on else "false"
        await self._told("light", channel, list_of([channel.named("light", word)]))

    async def clear_flag(self, channel: NewareChannel) -> None:
        """Clear the flag of an alarm; errors as `start`."""
        await self._told("clearflag", channel, list_of([channel.named("clearflag", "true")]))

    async def last_test(self, channel: NewareChannel) -> tuple[int, int]:
        """Return the id of a channel's last test, and how many records it has."""
        asked = element(
            "chl", devtype=channel.devtype, devid=channel.devid, subdevid=channel.subdevid,
            chlid=channel.chlid, testid=0,
        )  # fmt: skip
        [item] = self._items(await self._ask("inquiredf", list_of([asked])), 1)
        self._check(channel, item.attrib)
        return whole(item.attrib, "testid"), whole(item.attrib, "count")

    async def download(self, channel: NewareChannel) -> list[dict[str, str]]:
        """Return all records of a channel's last test, as BTS gives them."""
        _, count = await self.last_test(channel)
        records: list[dict[str, str]] = []
        while len(records) < count:
            asked = element(
                "download", devtype=channel.devtype, devid=channel.devid,
                subdevid=channel.subdevid, chlid=channel.chlid, auxid=0, testid=0,
                startpos=len(records) + 1, count=_PIECE,
            )  # fmt: skip
            answer = await self._ask("download", asked)
            head = answer.find("download")
            if head is not None:
                self._check(channel, head.attrib)
            items = answer.find("list")
            if items is None or not len(items):
                break  # the test has been cleared meanwhile
            records += [dict(item.attrib) for item in items]
        return records

    async def _told(
        self, command: str, channel: NewareChannel, items: Element,
        *, done: Callable[[NewareStatus], bool] = lambda _: True,
    ) -> None:  # fmt: skip
        [item] = self._items(await self._ask(command, items), 1)
        exact = self._check(channel, item.attrib)
        if item.text != "ok":
            raise WireRefusedError(
                f"{command} of channel {channel}: BTS says {item.text!r}", where=self._wire.address,
                remedy="BTS Client's log of the channel says why",
            )  # fmt: skip
        if not exact and not done((await self.inquire([channel]))[0]):
            raise WireError(
                f"BTS says {command} of sub-device 1 is done, asked was {channel}, and that is not",
                where=self._wire.address,
                remedy="look at both channels in BTS Client before anything else",
            )

    async def _ask(self, command: str, *children: Element) -> Element:
        async with self._lock:
            me = object()
            if command == "stop":
                self._stops.append(me)
            await self._wire.write(document(command, *children))
            # BTS misspells some of its answers ("donwload_resp").
            wanted = {f"{command}_resp", f"{command}_resp".replace("download", "donwload")}
            while True:
                raw = await self._wire.read_until(END, timeout=self._patience)
                said, answer = parse(raw, self._wire.address)
                if said == "stop_resp":
                    # BTS answers in order: this may be the answer to a stop of all channels.
                    if not self._stops or self._stops.popleft() is me:
                        return answer
                elif said in wanted:
                    return answer

    def _items(self, answer: Element, count: int) -> list[Element]:
        items = list(answer.find("list") or ())
        if len(items) != count:
            raise WireError(
                f"BTS answered for {len(items)} channels, asked were {count}",
                where=self._wire.address,
            )
        return items

    def _check(self, channel: NewareChannel, said: dict[str, str]) -> bool:
        """Refuse an answer for another channel; return whether it names the one asked.

        BTS 8 is known to name sub-device 1 whatever was asked; everything else must fit.
        """
        found = tuple(whole(said, name) for name in _WHERE)
        if found not in {channel.key, (channel.devtype, channel.devid, 1, channel.chlid)}:
            named = "-".join(map(str, found[1:]))
            raise WireError(
                f"BTS answered for channel {named}, asked was {channel}", where=self._wire.address
            )
        return found == channel.key

    def _status(self, channel: NewareChannel, said: dict[str, str]) -> NewareStatus:
        parts = said.get("dev", "").split("-")
        self._check(channel, {**dict(zip(_WHERE, parts, strict=False)), **said})
        step, cycle = number(said, "step_id"), number(said, "cycle_id")
        return NewareStatus(
            channel=channel,
            work=said.get("workstatus", ""),
            barcode=said.get("barcode", ""),
            step=int(step) if step else None,
            cycle=int(cycle) if cycle else None,
            step_type=said.get("step_type", ""),
            current=number(said, "current"),
            voltage=number(said, "voltage"),
            total_time=number(said, "totaltime"),
            log_code=int(number(said, "log_code") or 0),
        )
