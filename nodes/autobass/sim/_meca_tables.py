"""Commands of the Meca500 that the simulator knows, as tables.

Sources: Mecademic programming manual, firmware 10.2; the answers' codes agree with the
manufacturer's own Python client. Names are in lower case: the robot does not mind.
"""

from __future__ import annotations

from typing import Final

FIRMWARE: Final = "10.2.3"

MOTIONS: Final = {
    "movejoints": 6,
    "movejointsrel": 6,
    "movepose": 6,
    "movelin": 6,
    "movelinreltrf": 6,
    "movelinrelwrf": 6,
    "delay": 1,
    "gripperopen": 0,
    "gripperclose": 0,
    "movegripper": 1,
    "setcheckpoint": 1,
}
"""Queued commands and the number of their arguments."""

QUEUED: Final[dict[str, tuple[int, int, float, float]]] = {
    "blending": (2150, 1, 0, 100),
    "veltimeout": (2151, 1, 0.001, 1),
    "jointvel": (2152, 1, 0.001, 100),
    "jointacc": (2153, 1, 0.001, 150),
    "cartlinvel": (2154, 1, 0.001, 1000),
    "cartangvel": (2155, 1, 0.001, 300),
    "cartacc": (2156, 1, 0.001, 600),
    "gripperforce": (2158, 1, 5, 100),
    "grippervel": (2159, 1, 5, 100),
    "torquelimitscfg": (2160, 2, 0, 4),
    "torquelimits": (2161, 6, 0, 100),
    "gripperrange": (2162, 2, 0, 48),
    "jointvellimit": (2169, 1, 0.001, 100),
    "payload": (2192, 4, -500, 500),
    "wrf": (2013, 6, -10000, 10000),
    "trf": (2014, 6, -10000, 10000),
    "autoconf": (2028, 1, 0, 1),
    "conf": (2029, 3, -1, 1),
    "autoconfturn": (2031, 1, 0, 1),
    "confturn": (2036, 1, -100, 100),
}
"""Settings that are queued as motions are: code of Get, number of values, least, greatest.

Settings of posture and torque are kept and told, and have no effect in the simulation.
"""

KEPT: Final[dict[str, tuple[int, int, int, str]]] = {
    "workzonecfg": (2164, 2163, 2, "4,1"),
    "workzonelimits": (2166, 2165, 6, "-10000,-10000,-10000,10000,10000,10000"),
    "collisioncfg": (2180, 2181, 1, "4"),
    "toolsphere": (2168, 2167, 4, "0,0,0,0"),
    "jointlimitscfg": (2093, 2094, 1, "0"),
    "pstop2cfg": (2178, 2179, 1, "3"),
}
"""Settings that hold at once: code of Set, code of Get, number of values, default."""

SWITCHES: Final = {
    "seteob": (2054, 2055, "End of block is {}."),
    "seteom": (2052, 2053, "End of movement is {}."),
    "setrecoverymode": (2049, 2050, "Recovery mode is {}."),
}
"""Codes and text of what is switched on or off."""

REAL_TIME: Final = {
    "targetjointpos": 2200,
    "targetcartpos": 2201,
    "targetconf": 2208,
    "targetconfturn": 2209,
    "jointpos": 2210,
    "cartpos": 2211,
    "conf": 2218,
    "confturn": 2219,
    "checkpoint": 2227,
    "wrf": 2228,
    "trf": 2229,
    "exttoolstatus": 2300,
    "gripperstate": 2320,
    "gripperforce": 2321,
    "gripperpos": 2322,
}
"""What GetRt... answers and SetRealTimeMonitoring streams."""

TEXTS: Final = {
    1001: "Empty command or command unknown. - Command: [{}]",
    1002: "Syntax error, symbol missing. - Command: [{}]",
    1003: "Argument error. - Command: [{}]",
    1005: "The robot is not activated. - Command: [{}]",
    1006: "The robot is not homed. - Command: [{}]",
    1007: "Joint over limit. - Command: [{}]",
    1011: "The robot is in error. - Command: [{}]",
    1013: "Activation failed: a safety stop is active.",
    1014: "Homing failed.",
    1025: "Impossible to reset the error: a safety stop is active.",
    1038: "No gripper connected.",
}
"""Answers to commands that are refused."""

IN_ERROR: Final = ("get", "sync", "set", "reset", "deactivate", "connection", "clear", "pause")
"""Beginnings of the commands that a robot in error still takes."""
