"""Messages of Arbin's CTI, by which MITS Pro is controlled: fixed layouts, little-endian.

Each begins with a mark (u64), a length (u32), a command (u32) and its extension (u32); it ends with
the sum of all its bytes (u16). What a client sends states the bytes that follow its length; what
MITS sends states all its bytes. Sources: *ArbinCTI Protocol* v1.1 and the messages recorded from a
cycler by the project pyctiarbin (Battery Data Alliance).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from labmesh.wire import WireError

MARK: Final = struct.pack("<Q", 0x11DDDDDDDDDDDDDD)
HEAD: Final = 20
"""Bytes before the first field."""

_UNCOUNTED: Final = 12
"""Bytes that a client's length leaves out: mark and length."""

Kind = str
"""A format of `struct`, or ``wN``: N bytes of UTF-16, ``tN``: N bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of message.

    Attributes:
        name: For errors.
        command: Its number.
        size: All its bytes, the sum included; messages of MITS may have more.
        fields: Offset from the message's begin, and kind.
        ours: Whether a client sends it.
    """

    name: str
    command: int
    size: int
    fields: Mapping[str, tuple[int, Kind]]
    ours: bool = True

    def pack(self, **values: Any) -> bytes:
        """Return the message with these fields, the others zero.

        Raises:
            WireError: A text is too long for its field.
        """
        message = bytearray(self.size - 2)
        length = self.size - _UNCOUNTED if self.ours else self.size
        message[:HEAD] = MARK + struct.pack("<III", length, self.command, 0)
        for name, value in values.items():
            offset, kind = self.fields[name]
            if kind[0] in "wt":
                room = int(kind[1:])
                data = str(value).encode("utf-16-le" if kind[0] == "w" else "utf-8")
                if len(data) > room:
                    raise WireError(
                        f"{name} {value!r} is longer than {room // (2 if kind[0] == 'w' else 1)} "
                        f"characters",
                        where=self.name,
                    )
                message[offset : offset + len(data)] = data
            else:
                struct.pack_into("<" + kind, message, offset, value)
        return bytes(message) + struct.pack("<H", sum(message) & 0xFFFF)

    def unpack(self, message: bytes) -> dict[str, Any]:
        """Return the fields of a message.

        Raises:
            WireError: It is too short.
        """
        if len(message) < self.size:
            raise WireError(f"{len(message)} bytes instead of {self.size}", where=self.name)
        found: dict[str, Any] = {}
        for name, (offset, kind) in self.fields.items():
            if kind[0] in "wt":
                raw = message[offset : offset + int(kind[1:])]
                text = raw.decode("utf-16-le" if kind[0] == "w" else "utf-8", "replace")
                found[name] = text.partition("\0")[0]
            else:
                found[name] = struct.unpack_from("<" + kind, message, offset)[0]
        return found


def sound(message: bytes) -> bool:
    """Return whether a message's sum is right."""
    return len(message) > HEAD and sum(message[:-2]) & 0xFFFF == int.from_bytes(
        message[-2:], "little"
    )


_FEEDBACK: Final = {"channel": (20, "I"), "result": (24, "B")}

LOGIN: Final = Layout("login", 0xEEAB0001, 86, {"username": (20, "t32"), "password": (52, "t32")})
LOGIN_FEEDBACK: Final = Layout(
    "login feedback", 0xEEBA0001, 8678,
    {"result": (20, "I"), "serial": (28, "t16"), "note": (44, "t256"), "nick_name": (300, "w2048"),
     "version": (8656, "I"), "allow_control": (8660, "I"), "channels": (8664, "I")},
    ours=False,
)  # fmt: skip
CHANNEL_INFO: Final = Layout(
    "channel info", 0xEEAB0003, 62, {"channel": (20, "h"), "selection": (22, "h"), "aux": (24, "I")}
)
AUX: Final = (
    "voltage", "temperature", "pressure", "external", "flow", "ao", "di", "do", "humidity",
    "safety", "ph", "density",
)  # fmt: skip
"""Auxiliary readings in their order; two floats each (value and rate) after the fixed fields."""
CHANNEL_INFO_FEEDBACK: Final = Layout(
    "channel info feedback", 0xEEBA0003, 1779,
    {"count": (20, "I"), "channel": (24, "I"), "status": (28, "h"), "comm_failure": (30, "B"),
     "schedule": (31, "w400"), "test_name": (431, "w144"), "exit_condition": (575, "t100"),
     "step_and_cycle": (675, "t64"), "barcode": (739, "w144"), "master_channel": (1683, "H"),
     "test_time": (1685, "d"), "step_time": (1693, "d"), "voltage": (1701, "f"),
     "current": (1705, "f"), "power": (1709, "f"), "charge_capacity": (1713, "f"),
     "discharge_capacity": (1717, "f"), "charge_energy": (1721, "f"),
     "discharge_energy": (1725, "f"),
     **{f"aux_{name}": (1749 + 2 * i, "H") for i, name in enumerate(AUX)}},
    ours=False,
)  # fmt: skip
AUX_READINGS: Final = 1777
"""Offset of the first auxiliary reading."""
ASSIGN: Final = Layout(
    "assign schedule", 0xBB210001, 671,
    {"channel": (20, "i"), "all": (24, "B"), "schedule": (25, "w400"), "capacity": (425, "f"),
     "barcode": (429, "w144"), **{f"user{n}": (569 + 4 * n, "f") for n in range(1, 17)}},
)  # fmt: skip
ASSIGN_FEEDBACK: Final = Layout("assign feedback", 0xBB120001, 128, _FEEDBACK, ours=False)
START: Final = Layout(
    "start schedule", 0xBB320004, 172,
    {"test_name": (20, "w144"), "count": (164, "I"), "channel": (168, "H")},
)  # fmt: skip
START_FEEDBACK: Final = Layout("start feedback", 0xBB230004, 128, _FEEDBACK, ours=False)
STOP: Final = Layout("stop schedule", 0xBB310001, 128, {"channel": (20, "I"), "all": (24, "B")})
STOP_FEEDBACK: Final = Layout("stop feedback", 0xBB130001, 128, _FEEDBACK, ours=False)
SET_VARIABLE: Final = Layout(
    "set meta variable", 0xBB150001, 74,
    {"channel": (20, "I"), "type": (24, "i"), "code": (28, "i"), "value_type": (48, "i"),
     "value": (52, "f")},
)  # fmt: skip
SET_VARIABLE_FEEDBACK: Final = Layout(
    "meta variable feedback", 0xBB510001, 128, _FEEDBACK, ours=False
)

META_CODES: Final = {n: 51 + n if n < 5 else 100 + n for n in range(1, 17)}
"""Codes of the user-defined meta variables MV_UD1 to MV_UD16."""

REFUSALS: Final = {
    ASSIGN.command: {
        16: "the channel does not exist", 17: "somebody uses the monitor window",
        18: "the schedule's name is empty", 19: "there is no schedule of that name",
        20: "the channel is running", 21: "the channel is loading another schedule",
        22: "a batch file is open", 23: "assigning failed",
    },
    START.command: {
        16: "the channel does not exist", 17: "somebody uses the monitor window",
        18: "the channel is running or unsafe", 19: "the channel is not connected",
        20: "the schedule does not fit this cycler", 21: "no schedule is assigned",
        22: "the schedule is of another version of MITS", 25: "no such step",
        27: "the schedule wants other auxiliary inputs", 28: "the schedule wants other inputs",
        30: "the auxiliary test settings are wrong", 31: "no channel was named",
        33: "the schedule is still being loaded", 34: "the database does not answer",
        35: "the test's name is empty", 36: "no such step", 37: "no such parallel channel",
        38: "the schedule failed its safety check", 40: "a battery simulation failed",
    },
    STOP.command: {16: "the channel does not exist", 17: "somebody uses the monitor window"},
    SET_VARIABLE.command: {
        16: "setting failed", 17: "the channel is not running", 18: "no such variable",
    },
}  # fmt: skip
"""What a result other than 0 means."""

STATUSES: Final = (
    "Idle", "Transition", "Charge", "Discharge", "Rest", "Wait", "External Charge", "Calibration",
    "Unsafe", "Pulse", "Internal Resistance", "AC Impedance", "ACI Cell", "Test Settings", "Error",
    "Finished", "Volt Meter", "Waiting for ACS", "Pause", "Empty", "Idle from MCU", "Start",
    "Running", "Step Transfer", "Resume", "Go Pause", "Go Stop", "Go Next Step", "Online Update",
    "DAQ Memory Unsafe", "ACR",
)  # fmt: skip
"""Status of a channel, by number."""
