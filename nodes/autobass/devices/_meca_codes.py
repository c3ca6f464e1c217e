"""What the Meca500's codes say, and what a person does about them.

Source: Mecademic programming manual, tables "Error messages" and "Response messages", firmware
10.2; the numbers agree with the manufacturer's own Python client.
"""

from __future__ import annotations

from typing import Final

CONNECTED: Final = 3000
USER_ALREADY: Final = 3001
ACTIVATED: Final = 2000
ALREADY_ACTIVATED: Final = 2001
HOMED: Final = 2002
ALREADY_HOMED: Final = 2003
DEACTIVATED: Final = 2004
ERROR_RESET: Final = 2005
NO_ERROR: Final = 2006
STATUS: Final = 2007
WRF: Final = 2013
TRF: Final = 2014
JOINTS: Final = 2026
POSE: Final = 2027
PAUSED: Final = 2042
RESUMED: Final = 2043
CLEARED: Final = 2044
GRIPPER_STATUS: Final = 2079
SYNCHRONISED: Final = 2097
WATCHDOG: Final = 2177
TARGET_JOINTS: Final = 2200
TARGET_POSE: Final = 2201
RT_JOINTS: Final = 2210
RT_POSE: Final = 2211
CYCLE_END: Final = 2230
TOOL_STATUS: Final = 2300
GRIPPER_STATE: Final = 2320
END_OF_MOTION: Final = 3004
END_OF_BLOCK: Final = 3012
CHECKPOINT: Final = 3030
PSTOP2: Final = 3032
CHECKPOINT_DISCARDED: Final = 3040
COLLISION: Final = 3041
WORK_ZONE: Final = 3049
PSTOP1: Final = 3069
ESTOP: Final = 3070
CONNECTION_DROPPED: Final = 3086

_BY_RESET: Final = "remove the cause, then reset the error"
_BY_HAND: Final = "release the button and press reset on the robot's power supply: software cannot"
_PROGRAM: Final = "the driver and the robot's firmware disagree: compare the firmware's version"

FAULTS: Final[dict[int, tuple[str, str]]] = {
    1000: ("the command buffer is full", "send fewer commands ahead"),
    1001: ("empty or unknown command", _PROGRAM),
    1002: ("syntax error: the command lacks a parenthesis or has a wrong symbol", _PROGRAM),
    1003: ("wrong number of arguments or an argument out of range", "keep to the device's ranges"),
    1005: ("the robot is not activated", "activate it"),
    1006: ("the robot is not homed", "home it"),
    1007: ("a joint would leave its limits", "choose another target or posture"),
    1010: ("a linear move would turn the wrist by 180 degrees", "divide the move"),
    1011: ("the robot is in error", _BY_RESET),
    1012: ("the line passes a singularity", "move by joints, or choose another line"),
    1013: ("activation failed", "look at the safety stops, then activate again"),
    1014: ("homing failed", "free the arm, then activate and home again"),
    1016: ("the pose is out of reach", "choose a pose within 330 mm of the shoulder"),
    1024: ("the robot needs mastering", "call the manufacturer"),
    1025: ("this error cannot be reset", "switch the robot off and on"),
    1026: ("the robot must be deactivated first", "deactivate it"),
    1027: ("simulation mode cannot change while the robot is activated", "deactivate it"),
    1029: ("the robot's memory for programs is full", "delete programs"),
    1030: ("a program is being saved", "wait"),
    1031: ("not allowed while a program is being saved", "wait"),
    1032: ("homing found a joint outside its limits", "move the joint by hand, then home again"),
    1033: ("the line begins in another posture than is set", "set the posture of the start"),
    1038: ("no gripper is connected", "look at the gripper's cable"),
    1040: ("the command failed", _BY_RESET),
    1041: ("no vacuum box", "look at the pneumatic module's cable"),
    1042: ("the tool's simulation cannot change while the robot is activated", "deactivate it"),
    1043: ("no such bank of inputs and outputs", _PROGRAM),
    1044: ("no such vacuum module", "look at the module's cable"),
    1045: ("another program has locked the robot", "unlock it there"),
    1046: ("not allowed in the robot's present state", "look at its status"),
    3001: (
        "another client holds the control port",
        "close it (also the web interface), then connect again",
    ),
    3003: ("the command is too long", _PROGRAM),
    3005: ("motion error: the arm does not follow", "remove what blocks it, then reset the error"),
    3006: ("lost contact with the drives", "switch the robot off and on"),
    3009: ("the robot's start-up failed", "switch the robot off and on"),
    3025: ("gripper error", "free the fingers, then reset the error"),
    3029: ("a torque limit is exceeded", "remove what blocks the arm, then reset the error"),
    PSTOP2: ("protective stop 2", "make the cell safe, then reset the stop"),
    COLLISION: ("collision", "free the arm, then reset the error"),
    WORK_ZONE: ("the tool would leave the work zone", "choose a target inside it"),
    PSTOP1: ("protective stop 1", _BY_HAND),
    ESTOP: ("emergency stop", _BY_HAND),
    CONNECTION_DROPPED: ("the connection watchdog stopped the robot", "connect again and resume"),
}
"""Code -> (what happened, remedy)."""

SAFETY_STOPS: Final = frozenset({PSTOP1, PSTOP2, ESTOP})
"""Reported as 1 (active), 2 (may be reset) and 0 (over)."""


def is_fault(code: int, data: str) -> bool:
    """Whether an answer reports an error or a safety stop that is not over."""
    if code in {*SAFETY_STOPS, CONNECTION_DROPPED}:
        return data.strip() in {"1", "2"}
    return code in FAULTS or 1000 <= code < 2000


def said(code: int) -> tuple[str, str]:
    """Return what a code means and the remedy."""
    return FAULTS.get(code, ("an error that the driver does not know", "see the robot's manual"))
