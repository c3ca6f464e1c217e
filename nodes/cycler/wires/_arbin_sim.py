"""A simulated Arbin cycler behind its CTI port."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from labmesh.sim import SimLine, SimPort, Simulator
from nodes.cycler.virtual._arbin_file import ArbinFiles
from nodes.cycler.wires import _arbin_messages as cti
from nodes.cycler.wires._arbin_messages import Layout
from nodes.cycler.wires._channel_model import KINDS, CyclerOptions, SimulatedChannel

_SHOWN: Final = {"rest": "Rest", "charge": "Charge", "discharge": "Discharge"}
_ENDED: Final = {"never": "Idle", "finished": "Finished", "stopped": "Idle", "unsafe": "Unsafe"}

_PER_PART: Final = 20_000
"""Records of a part of an exported file."""


class ArbinOptions(CyclerOptions):
    """Options of the simulated Arbin."""

    username: str = Field(default="", description="who may log in; empty: anybody")
    password: str = Field(default="", description="with which password; empty: any")
    exports: str = Field(
        default="", description="folder to which results are exported as text; empty: nowhere"
    )
    schedules: list[str] = Field(
        default_factory=list, description="names of the schedules that it has; empty: any"
    )


class ArbinSimulator(Simulator[ArbinOptions]):
    """MITS Pro with a cycler whose cells are linear."""

    title = "Arbin LBT by CTI (simulated)"
    ports = (SimPort("cti", "tcp", 9031, "CTI of MITS Pro"),)
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "unsafe": "a safety limit trips on every channel that runs",
        "busy_window": "somebody uses the monitor window: commands are refused",
        "other_channel": "answers name the next channel",
        "bad_sum": "the sum of what it sends is wrong",
    }
    Options = ArbinOptions

    async def start(self) -> None:
        """As after power-up: nothing runs."""
        self.channels = [SimulatedChannel(self.options) for _ in range(self.options.channels)]

    def trip(self, kind: str) -> None:
        """Trip the safety limits."""
        if kind == "unsafe":
            for channel in self.channels:
                channel.stop("unsafe", self._now())

    def _now(self) -> float:
        return self.clock.now() / 1e9

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer one client; what is no CTI message ends the connection."""
        admitted = False
        while True:
            head = await line.read_exactly(12)
            length = int.from_bytes(head[8:], "little")
            if head[:8] != cti.MARK or not 8 < length < 65536:
                return
            message = head + await line.read_exactly(length)
            if not cti.sound(message):
                return
            command = int.from_bytes(message[12:16], "little")
            if command == cti.LOGIN.command:
                admitted = self._admits(cti.LOGIN.unpack(message))
                answer = cti.LOGIN_FEEDBACK.pack(
                    result=1 if admitted else 2, serial="SIM001", note=self.title, version=1,
                    allow_control=1, channels=len(self.channels),
                )  # fmt: skip
            elif not admitted or (answer := self._answer(command, message)) == b"":
                return
            if self.faults.strike("bad_sum"):
                answer = answer[:-1] + bytes([answer[-1] ^ 0xFF])
            await line.write(answer)

    def _admits(self, login: Mapping[str, str]) -> bool:
        o = self.options
        return o.username in {"", login["username"]} and o.password in {"", login["password"]}

    def _answer(self, command: int, message: bytes) -> bytes:
        if command == cti.CHANNEL_INFO.command:
            return self._info(cti.CHANNEL_INFO.unpack(message)["channel"])
        for question, answer, act in (
            (cti.ASSIGN, cti.ASSIGN_FEEDBACK, self._assign),
            (cti.START, cti.START_FEEDBACK, self._start),
            (cti.STOP, cti.STOP_FEEDBACK, self._stop),
            (cti.SET_VARIABLE, cti.SET_VARIABLE_FEEDBACK, self._set_variable),
        ):
            if command == question.command:
                return self._feedback(question, answer, message, act)
        return b""

    def _feedback(self, question: Layout, answer: Layout, message: bytes, act: object) -> bytes:
        asked = question.unpack(message)
        index, everything = asked["channel"], asked.get("all", 0)
        if self.faults.strike("busy_window"):
            result = 17
        elif not everything and not 0 <= index < len(self.channels):
            result = 16
        else:
            targets = self.channels if everything else [self.channels[index]]
            result = max(act(channel, asked) for channel in targets)  # type: ignore[operator]
        return answer.pack(channel=self._named(index), result=result)

    def _named(self, index: int) -> int:
        return index + 1 if self.faults.strike("other_channel") else index

    def _assign(self, channel: SimulatedChannel, asked: Mapping[str, str]) -> int:
        if not asked["schedule"]:
            return 18
        if self.options.schedules and asked["schedule"] not in self.options.schedules:
            return 19
        if channel.at(self._now()).step is not None:
            return 20
        channel.schedule = asked["schedule"]
        return 0

    def _start(self, channel: SimulatedChannel, asked: Mapping[str, str]) -> int:
        if channel.at(self._now()).step is not None:
            return 18
        if not channel.schedule:
            return 21
        if not asked["test_name"]:
            return 35
        channel.start(asked["test_name"], self._now())
        return 0

    def _stop(self, channel: SimulatedChannel, asked: Mapping[str, str]) -> int:
        channel.stop("stopped", self._now())
        return 0

    def _set_variable(self, channel: SimulatedChannel, asked: Mapping[str, int]) -> int:
        if asked["code"] not in cti.META_CODES.values():
            return 18
        return 0 if channel.at(self._now()).step is not None else 17

    def _info(self, index: int) -> bytes:
        if not 0 <= index < len(self.channels):
            return b""
        channel = self.channels[index]
        now = channel.at(self._now())
        if now.step is None:
            self._export(index, channel)
        shown = _ENDED[channel.ended] if now.step is None else _SHOWN[KINDS[now.step]]
        step = 1 if now.step is None else now.step + 1
        layout = cti.CHANNEL_INFO_FEEDBACK
        fixed = layout.pack(
            count=1, channel=self._named(index), status=cti.STATUSES.index(shown),
            schedule=channel.schedule, test_name=channel.test,
            exit_condition={"unsafe": "Unsafe: safety limit", "stopped": "User stop"}.get(
                channel.ended, "N/A"
            ),
            step_and_cycle=f"[1] {step}: Step_{'ABC'[step - 1]}, {shown}", master_channel=index,
            test_time=now.test_time, step_time=now.step_time, voltage=now.voltage,
            current=now.current, power=now.voltage * now.current, charge_capacity=now.charged,
            discharge_capacity=now.discharged, aux_temperature=1,
        )  # fmt: skip
        # One thermocouple a channel: its reading (°C) and rate follow the fixed fields.
        body = bytearray(fixed[:-2] + struct.pack("<ff", 25.0, 0.0))
        struct.pack_into("<I", body, 8, len(body) + 2)
        return bytes(body) + struct.pack("<H", sum(body) & 0xFFFF)

    def _export(self, index: int, channel: SimulatedChannel) -> None:
        """Write a test that is over as MITS does, once."""
        stem = f"{channel.test}_simulated_Channel_{index + 1}"
        folder = Path(self.options.exports)
        if not self.options.exports or not channel.test or any(folder.glob(f"{stem}_Wb_*")):
            return
        rows = [
            (r.test_time, r.step_time, r.current, r.voltage, 298.15, r.charged, r.discharged,
             r.energy_in, r.energy_out, (r.step or 0) + 1, 1)
            for r in channel.records(self._now())
        ]  # fmt: skip
        ArbinFiles(folder, stem, _PER_PART).append(np.array(rows), round(channel.began * 1e9), 0.0)
