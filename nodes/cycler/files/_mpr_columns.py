"""The columns of EC-Lab's binary records: number, name as in its text export, and type.

EC-Lab does not document them. The numbers and names are facts that users of the format have found
and published; types and order are confirmed here by the collected files: record lengths add up,
and the values equal those of EC-Lab's own text export (.mpt) of the same measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class MprColumn:
    """A column: its name in EC-Lab's text export, and its numpy type."""

    name: str
    type: str


FLAGS: Final[dict[int, tuple[str, int]]] = {
    1: ("mode", 0x03),
    2: ("ox/red", 0x04),
    3: ("error", 0x08),
    21: ("control changes", 0x10),
    31: ("Ns changes", 0x20),
    65: ("counter inc.", 0x80),
}
"""Columns that share one byte, at the place of the first of them: name and mask."""

_FLOAT: Final = {
    5: "control/V/mA",
    6: "Ewe/V",
    8: "I/mA",
    9: "Ece/V",
    16: "Analog IN 1/V",
    17: "Analog IN 2/V",
    18: "Analog IN 3/V",
    19: "control/V",
    20: "control/mA",
    26: "Rapp/Ohm",
    27: "Ewe-Ece/V",
    32: "freq/Hz",
    33: "|Ewe|/V",
    34: "|I|/A",
    35: "Phase(Z)/deg",
    36: "|Z|/Ohm",
    37: "Re(Z)/Ohm",
    38: "-Im(Z)/Ohm",
    69: "R/Ohm",
    70: "P/W",
    75: "Analog OUT/V",
    76: "<I>/mA",
    77: "<Ewe>/V",
    78: "Cs-2/uF-2",
    96: "|Ece|/V",
    98: "Phase(Zce)/deg",
    99: "|Zce|/Ohm",
    100: "Re(Zce)/Ohm",
    101: "-Im(Zce)/Ohm",
    163: "|Estack|/V",
    168: "Rcmp/Ohm",
    169: "Cs/uF",
    172: "Cp/uF",
    173: "Cp-2/uF-2",
    174: "<Ewe>/V",
    178: "(Q-Qo)/C",
    179: "dQ/C",
    185: "<Ece>/V",
    217: "THD Ewe/%",
    218: "THD I/%",
    220: "NSD Ewe/%",
    221: "NSD I/%",
    223: "NSR Ewe/%",
    224: "NSR I/%",
    422: "Phase(Zstack)/deg",
    423: "|Zstack|/Ohm",
    424: "Re(Zstack)/Ohm",
    425: "-Im(Zstack)/Ohm",
    430: "Phase(Zwe-ce)/deg",
    431: "|Zwe-ce|/Ohm",
    432: "Re(Zwe-ce)/Ohm",
    433: "-Im(Zwe-ce)/Ohm",
    434: "(Q-Qo)/C",
    435: "dQ/C",
    441: "<Ece>/V",
    462: "Temperature/°C",
    471: "<Ece>/V",
    473: "THD Ewe/%",
    474: "THD I/%",
    476: "NSD Ewe/%",
    477: "NSD I/%",
    479: "NSR Ewe/%",
    480: "NSR I/%",
    **{start + n: f"|Ewe h{n}|/V" for start in (228, 484) for n in range(2, 8)},
    **{start + n: f"|I h{n}|/A" for start in (234, 490) for n in range(2, 8)},
    505: "Rdc/Ohm",
}

_DOUBLE: Final = {
    4: "time/s",
    7: "dq/mA.h",
    11: "<I>/mA",
    13: "(Q-Qo)/mA.h",
    23: "dQ/mA.h",
    24: "cycle number",
    74: "|Energy|/W.h",
    123: "Energy charge/W.h",
    124: "Energy discharge/W.h",
    125: "Capacitance charge/uF",
    126: "Capacitance discharge/uF",
    182: "step time/s",
    211: "Q charge/discharge/mA.h",
    438: "step time/s",
    467: "Q charge/discharge/mA.h",
    498: "Q charge/mA.h",
    499: "Q discharge/mA.h",
    500: "step time/s",
    501: "Efficiency/%",
    502: "Capacity/mA.h",
    880: "Energy we/W.h",
    883: "Energy ce charge/W.h",
    884: "Energy ce discharge/W.h",
}

_WHOLE: Final = {
    39: ("I Range", "<u2"),
    131: ("Ns", "<u2"),
    212: ("half cycle", "<u4"),
    213: ("z cycle", "<u4"),
    468: ("half cycle", "<u4"),
    469: ("z cycle", "<u4"),
    509: ("Acir/Dcir Control", "|u1"),
}

MPR_COLUMNS: Final[dict[int, MprColumn]] = {
    **{number: MprColumn(name, "<f4") for number, name in _FLOAT.items()},
    **{number: MprColumn(name, "<f8") for number, name in _DOUBLE.items()},
    **{number: MprColumn(name, kind) for number, (name, kind) in _WHOLE.items()},
}

TECHNIQUES: Final = {
    4: "GCPL", 6: "CV", 11: "OCV", 24: "CA", 25: "CP", 28: "WAIT", 29: "PEIS", 30: "GEIS",
    50: "LOOP", 51: "TO", 52: "TI", 53: "TOS", 60: "PR", 101: "LSV", 105: "SPEIS", 119: "GCPL",
    127: "MB",
}  # fmt: skip
"""The first byte of the module VMP Set, where it was seen or published."""
