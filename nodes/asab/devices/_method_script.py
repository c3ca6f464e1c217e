"""PalmSens MethodSCRIPT: scripts that are sent, packages that come back.

Source: PalmSens, *MethodSCRIPT protocol description* (EmStat Pico, EmStat4): numbers in scripts are
integers with an SI prefix; a value in a package is two letters for its kind, seven hexadecimal
digits offset by 2^27, and one character for its SI prefix.
"""

from __future__ import annotations

from typing import Final

from messages.errors import WireError

PREFIXES: Final = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, " ": 1.0, "i": 1.0,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
}  # fmt: skip
"""Factor by the character that follows a number."""

FREQUENCY: Final = "dc"
"""Kind of a frequency set, Hz."""
REAL: Final = "cc"
"""Kind of the real part of an impedance, Ohm."""
IMAGINARY: Final = "cd"
"""Kind of the imaginary part of an impedance, Ohm; negative for a capacitor."""

_OFFSET: Final = 1 << 27
_OVERLOAD: Final = 0x2
"""Bit of a value's status, the field of metadata that begins with 1."""


def impedance_script(
    amplitude: float, highest: float, lowest: float, points: int, *, range_ampere: float = 1e-3
) -> str:
    """Return the script of an impedance spectrum about 0 V, from the highest frequency down.

    Args:
        amplitude: V, rms, of the sine.
        highest: Hz.
        lowest: Hz.
        points: At equal ratios.
        range_ampere: A; the range in which autoranging begins.
    """
    lines = [
        "e", "var f", "var r", "var j", "set_pgstat_chan 0", "set_pgstat_mode 3",
        f"set_max_bandwidth {number(highest)}", "set_range_minmax da 0 0",
        f"set_range ba {number(range_ampere)}",
        f"set_autoranging ba {number(range_ampere / 10)} {number(range_ampere * 5)}", "cell_on",
        f"meas_loop_eis f r j {number(amplitude)} {number(highest)} {number(lowest)} {points} 0",
        "pck_start", "pck_add f", "pck_add r", "pck_add j", "pck_end", "endloop",
        "on_finished:", "cell_off", "",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Return a number as a script takes it: an integer with an SI prefix, five digits at most.

    Raises:
        ValueError: It needs more.
    """
    for prefix in ("", "m", "u", "n", "k", "M"):
        scaled = value / PREFIXES[prefix or " "]
        if abs(scaled - round(scaled)) <= 1e-9 * abs(scaled) and abs(scaled) < 100_000:
            return f"{round(scaled)}{prefix}"
    raise ValueError(f"{value} is no integer with an SI prefix")


def parse_number(text: str) -> float:
    """Return what a script's number means.

    Raises:
        ValueError: It is none.
    """
    if text and text[-1] in PREFIXES:
        return int(text[:-1]) * PREFIXES[text[-1]]
    return float(int(text))


def encode(kind: str, value: float) -> str:
    """Return a value as it stands in a package, with the prefix that keeps the most digits."""
    for prefix in ("a", "f", "p", "n", "u", "m", " ", "k", "M", "G", "T"):
        scaled = round(value / PREFIXES[prefix])
        if abs(scaled) < _OFFSET:
            return f"{kind}{scaled + _OFFSET:07X}{prefix}"
    raise ValueError(f"{value} does not fit into a package")


def decode(package: str, where: str) -> dict[str, float]:
    """Return the values of a package line ``P...`` by kind.

    Raises:
        WireError: It is garbled.
    """
    values = {}
    for field in package.removeprefix("P").strip("\n").split(";"):
        value, *extras = field.split(",")
        if any(extra[:1] == "1" and int(extra[1:2] or "0", 16) & _OVERLOAD for extra in extras):
            raise WireError(
                "the current overloads its range", where=where,
                remedy="is the cell short-circuited, or its range too small?",
            )  # fmt: skip
        try:
            kind, digits, prefix = value[:2], value[2:9], value[9]
            values[kind] = (int(digits, 16) - _OFFSET) * PREFIXES[prefix]
        except (ValueError, KeyError, IndexError):
            raise WireError(
                f"{package!r} is no package of MethodSCRIPT", where=where,
                remedy="look at the cable; is another program using the potentiostat?",
            ) from None  # fmt: skip
    return values
