"""The simulated robot's language: one command in, numbered answers out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from labmesh.clock import Clock
from nodes.autobass.devices import _meca_codes as codes
from nodes.autobass.devices._meca_limits import MECA500_R3, ReachError, WorkZone, check_joints
from nodes.autobass.sim._meca_arm import Arm, Item
from nodes.autobass.sim._meca_gripper import Gripper
from nodes.autobass.sim._meca_motion import tool_pose
from nodes.autobass.sim._meca_tables import (
    FIRMWARE,
    IN_ERROR,
    KEPT,
    MOTIONS,
    QUEUED,
    REAL_TIME,
    SWITCHES,
    TEXTS,
)

_COMMAND: Final = re.compile(r"-?([A-Za-z]\w*)\s*(?:\((.*)\))?", re.DOTALL)

_GRIPPER: Final = 10
"""External tool type of the gripper MEGP 25E (programming manual, GetRtExtToolStatus)."""

Numbers = tuple[float, ...]


def listed(values: Numbers) -> str:
    """Numbers as the robot sends them."""
    return ",".join(f"{value + 0.0:.5f}" for value in values)


def in_millimetres(numbers: Numbers) -> WorkZone:
    """A work zone of least and greatest x, y, z in mm, as the robot takes it."""
    x, y, z, to_x, to_y, to_z = (number / 1e3 for number in numbers)
    return WorkZone((x, y, z), (to_x, to_y, to_z))


class Console:
    """Understands commands and answers them; what takes time is begun.

    Args:
        arm: What moves.
        gripper: On the arm; None: there is none.
        clock: Of the simulator.
        serial: Serial number.
        say: Tells the client a code and its data.
        begin: Begins ``ActivateRobot`` or ``Home``, which take time.
        feed: Begins the connection watchdog of some seconds anew, or ends it.

    Attributes:
        stops: Safety stops by code: 1 active, 2 may be reset.
        streams: Codes that are streamed beside the usual.
        on_control: The control port has the monitoring port's messages, too.
        interval: Seconds between two monitoring messages.
        checkpoint: The last one that was passed.
        switched_off: Codes of events that are not told (SetEob, SetEom).
    """

    def __init__(
        self,
        arm: Arm,
        gripper: Gripper | None,
        clock: Clock,
        *,
        serial: str,
        say: Callable[[int, str], None],
        begin: Callable[[str], None],
        feed: Callable[[float], None],
    ) -> None:
        self.stops: dict[int, int] = {}
        self.streams: list[int] = []
        self.on_control = False
        self.interval = 0.015
        self.checkpoint = 0
        self.switched_off = {codes.END_OF_MOTION}
        self._arm, self._gripper, self._clock = arm, gripper, clock
        self._serial = serial
        self._say = say
        self._begin = begin
        self._feed = feed
        self._kept = {name: default for name, (_, _, _, default) in KEPT.items()}

    def handle(self, text: str) -> None:
        """Answer one command."""
        text = text.strip()
        if not text:
            return  # what clients send to show that they are no web socket
        match = _COMMAND.fullmatch(text)
        if match is None:
            self._refuse(1002 if "(" in text else 1001, text)
            return
        name, words = match[1].lower(), [w.strip() for w in (match[2] or "").split(",")]
        arguments = [word for word in words if word]
        if self._arm.error and not name.startswith(IN_ERROR):
            self._refuse(1011, text)
        elif name in MOTIONS or (name.removeprefix("set") in QUEUED and name.startswith("set")):
            self._queue(name, arguments, text)
        elif not self._immediate(name, arguments, text):
            self._refuse(1001, text)

    def _queue(self, name: str, arguments: list[str], text: str) -> None:
        numbers = _numbers(arguments)
        count, low, high = MOTIONS.get(name, -1), float("-inf"), float("inf")
        if count < 0:
            _, count, low, high = QUEUED[name.removeprefix("set")]
        if name == "setcheckpoint":
            low, high = 1, 8191  # 1 to 8000 for users, the rest for the manufacturer's client
        refused = 0
        if numbers is None or len(numbers) != count or not all(low <= n <= high for n in numbers):
            refused = 1003
        elif self._arm.error:
            refused = 1011
        elif not self._arm.activated:
            refused = 1005
        elif not self._arm.homed and not name.startswith("set"):
            refused = 1006
        elif "gripper" in name and self._gripper is None:
            refused = 1038
        if refused or numbers is None:
            self._refuse(refused, text)
            if name == "setcheckpoint" and refused != 1003:
                self._say(codes.CHECKPOINT_DISCARDED, arguments[0])  # whoever waits for it is told
            return
        if name == "movejoints":
            try:
                check_joints(numbers, self._arm.settings.limits)
            except ReachError as error:
                self._arm.fail(error.code, TEXTS[error.code].format(text))
                return
        self._arm.add(Item(name, numbers))

    def _immediate(self, name: str, arguments: list[str], text: str) -> bool:
        """Answer what is not queued; False when there is no such command."""
        action = {
            "activaterobot": lambda: self._begin(name),
            "home": lambda: self._begin(name),
            "deactivaterobot": self._deactivate,
            "pausemotion": lambda: self._motion(self._arm.pause, codes.PAUSED, "Motion paused."),
            "resumemotion": self._resume,
            "clearmotion": lambda: self._motion(
                self._arm.clear, codes.CLEARED, "The motion was cleared."
            ),
            "reseterror": self._reset,
            "resetpstop2": self._reset_pstop2,
        }.get(name)
        if action is not None:
            action()
        elif name in SWITCHES:
            self._switch(name, arguments, text)
        elif name.removeprefix("set") in KEPT or name.removeprefix("get") in KEPT:
            self._keep(name, arguments, text)
        else:
            return self._ask(name, arguments, text)
        return True

    def _ask(self, name: str, arguments: list[str], text: str) -> bool:
        if name.startswith("getrt") and name[5:] in REAL_TIME:
            code = REAL_TIME[name[5:]]
            self._say(code, self.real_time(code))
            return True
        if name.removeprefix("get") in QUEUED:
            values = self._arm.settings.values[name[3:]]
            self._say(QUEUED[name[3:]][0], listed(values))
            return True
        numbers = _numbers(arguments)
        first = numbers[0] if numbers else 0.0
        joint = min(max(int(first), 1), 6)
        low, high = MECA500_R3.joints[joint - 1]
        plain: dict[str, tuple[int, str]] = {
            "getstatusrobot": (codes.STATUS, self.status()),
            "getstatusgripper": (codes.GRIPPER_STATUS, self._gripper_status()),
            "getjoints": (codes.JOINTS, listed(self._arm.joints)),
            "getpose": (codes.POSE, listed(tool_pose(self._arm.joints, self._arm.settings))),
            "synccmdqueue": (codes.SYNCHRONISED, f"{first:.0f}"),
            "getcmdpendingcount": (2080, str(self._arm.pending)),
            "getfwversion": (2081, f"v{FIRMWARE}"),
            "getfwversionfull": (2082, f"{FIRMWARE}.0"),
            "getrobotserial": (2083, self._serial),
            "getproducttype": (2084, "Meca500"),
            "getrobotname": (2095, "m500"),
            "getmodeljointlimits": (2113, f"{joint},{low},{high}"),
            "getjointlimits": (2090, f"{joint},{low},{high}"),
            "getrtc": (2140, f"{self._clock.now() // 10**9}"),
            "getcheckpoint": (2157, str(self.checkpoint)),
            "getcollisionstatus": (2182, f"{int(self._arm.error == codes.COLLISION)},0,0,0,0"),
            "getworkzonestatus": (2183, f"{int(self._arm.error == codes.WORK_ZONE)},0,0"),
            "gettimescaling": (2015, f"{self._arm.settings['timescaling']:g}"),
        }
        if name in plain:
            self._say(*plain[name])
            return True
        return self._set(name, arguments, numbers, text)

    def _set(self, name: str, arguments: list[str], numbers: Numbers | None, text: str) -> bool:
        one = numbers[0] if numbers and len(numbers) == 1 else None
        if name == "setrtc":
            return True
        if name in {"setrealtimemonitoring", "getrealtimemonitoring"}:
            if name.startswith("set"):
                known = {**REAL_TIME, **{str(code): code for code in REAL_TIME.values()}}
                everything = [a.lower() for a in arguments] == ["all"]
                wanted = REAL_TIME if everything else [a.lower() for a in arguments]
                self.streams = [known[word] for word in wanted if word in known]
            self._say(2117, ",".join(map(str, self.streams)))
            return True
        if name == "getmonitoringinterval":
            self._say(2116, f"{self.interval:g}")
            return True
        if name not in {
            "setmonitoringinterval", "setctrlportmonitoring", "connectionwatchdog",
            "settimescaling",
        }:  # fmt: skip
            return False
        if one is None or not 0 <= one <= 100:
            self._refuse(1003, text)
        elif name == "setmonitoringinterval":
            self.interval = max(0.001, min(1.0, one))
            self._say(2116, f"{self.interval:g}")
        elif name == "setctrlportmonitoring":
            self.on_control = bool(one)
            for code in self.states() if self.on_control else ():
                self._say(code, self.state(code))
        elif name == "connectionwatchdog":
            self._feed(one)
            self._say(codes.WATCHDOG, str(int(one > 0)))
        else:
            self._arm.settings.values["timescaling"] = (max(1.0, one),)
            self._say(2015, f"{one:g}")
        return True

    def status(self) -> str:
        """The data of 2007."""
        arm = self._arm
        idle = arm.pending == 0
        flags = (arm.activated, arm.homed, False, bool(arm.error), arm.paused, idle, not arm.moving)
        return ",".join(str(int(flag)) for flag in flags)

    def states(self) -> dict[int, str]:
        """What is told whenever it changes: of the robot, the tool, the gripper; without time."""
        told = {codes.STATUS: self.status(), codes.GRIPPER_STATUS: self._gripper_status()}
        if self._gripper is not None:
            told[codes.TOOL_STATUS] = self._tool_status()
            told[codes.GRIPPER_STATE] = self._gripper.flags()
        return told

    def state(self, code: int) -> str:
        """One of `states` as it is sent, with the time where it has one."""
        return self.real_time(code) if code >= codes.TARGET_JOINTS else self.states()[code]

    def real_time(self, code: int) -> str:
        """The data of a real-time message: microseconds, then values."""
        arm = self._arm
        now = self._clock.now() // 1000
        if code in {2200, 2210}:
            values = listed(arm.joints)
        elif code in {2201, 2211}:
            values = listed(tool_pose(arm.joints, arm.settings))
        elif code in {2208, 2218}:
            values = "1,1,1"
        elif code in {2209, 2219}:
            values = f"{round(arm.joints[5] / 360):d}"
        elif code == 2227:
            values = str(self.checkpoint)
        elif code in {2228, 2229}:
            values = listed(arm.settings.values["wrf" if code == 2228 else "trf"])
        elif self._gripper is None:
            values = "0,0,0,0,0" if code == 2300 else "0,0,0,0" if code == 2320 else "0"
        elif code == 2300:
            values = self._tool_status()
        elif code == 2320:
            values = self._gripper.flags()
        elif code == 2321:
            values = f"{arm.settings['gripperforce'] if self._gripper.holding else 0:.3f}"
        else:
            values = f"{self._gripper.width:.3f}"
        return f"{now},{values}"

    def _tool_status(self) -> str:
        return f"0,{_GRIPPER},{int(self._arm.homed)},0,0"

    def _gripper_status(self) -> str:
        if self._gripper is None:
            return "0,0,0,0,0,0"
        holding, reached = self._gripper.flags().split(",")[:2]
        return f"1,{int(self._arm.homed)},{holding},{reached},0,0"

    def _deactivate(self) -> None:
        self._arm.deactivate()
        self._say(codes.DEACTIVATED, "Motors deactivated.")

    def _motion(self, act: Callable[[], None], code: int, text: str) -> None:
        act()
        self._say(code, text)

    def _resume(self) -> None:
        if self._arm.error or not self._arm.activated or self.stops:
            self._refuse(1011 if self._arm.error else 1005, "ResumeMotion")
            return
        self._motion(self._arm.resume, codes.RESUMED, "Motion resumed.")

    def _reset(self) -> None:
        if self.stops.keys() & {codes.ESTOP, codes.PSTOP1}:
            self._refuse(1025, "ResetError")
        elif self._arm.error:
            self._arm.error = 0
            self._say(codes.ERROR_RESET, "The error was reset.")
        else:
            self._say(codes.NO_ERROR, "There was no error to reset.")

    def _reset_pstop2(self) -> None:
        if self.stops.get(codes.PSTOP2) == 2:
            del self.stops[codes.PSTOP2]
        self._say(codes.PSTOP2, str(self.stops.get(codes.PSTOP2, 0)))

    def _switch(self, name: str, arguments: list[str], text: str) -> None:
        if arguments not in (["0"], ["1"]):
            self._refuse(1003, text)
            return
        on = arguments == ["1"]
        code = {"seteob": codes.END_OF_BLOCK, "seteom": codes.END_OF_MOTION}.get(name, 0)
        self.switched_off = self.switched_off - {code} if on else self.switched_off | {code}
        yes, no, words = SWITCHES[name]
        self._say(yes if on else no, words.format("enabled" if on else "disabled"))

    def _keep(self, name: str, arguments: list[str], text: str) -> None:
        key = name[3:]
        set_code, get_code, count, _ = KEPT[key]
        if name.startswith("get"):
            self._say(get_code, self._kept[key])
            return
        numbers = _numbers(arguments)
        whole = key == "workzonelimits"
        if numbers is None or not (count if whole else 1) <= len(numbers) <= count:
            self._refuse(1003, text)
            return
        self._kept[key] = ",".join(arguments)
        if key == "workzonelimits":
            self._arm.settings.zone = in_millimetres(numbers)
        self._say(set_code, "Command successful.")

    def _refuse(self, code: int, text: str) -> None:
        self._say(code, TEXTS[code].format(text))


def _numbers(arguments: list[str]) -> Numbers | None:
    try:
        numbers = tuple(float(word) for word in arguments)
    except ValueError:
        return None
    return numbers if all(abs(number) < float("inf") for number in numbers) else None
