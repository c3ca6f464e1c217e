"""The files of an Anton Paar DMA with Lovis: a sample list in, a table of results out."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from messages.errors import WireError

DENSITY: Final = "Results::Density"
"""Column, g/cm3."""
DENSITY_CONDITION: Final = "Results::Density Condition"
"""Column: ``valid`` or another word."""
VISCOSITY: Final = "Results::Lovis Dyn. Viscosity"
"""Column, mPa.s."""
VISCOSITY_CONDITION: Final = "Results::Lovis Condition"
"""Column: ``valid`` or another word."""
LEVEL: Final = "Results::Measurement Level"
"""Column; rows of `MASTER` repeat the others' mean and are skipped."""
MASTER: Final = "Master"
VALID: Final = "valid"

_NAME: Final = re.compile(r"^[A-Za-z0-9.-]{1,60}$")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; NaN where the instrument did not call it valid.

    Attributes:
        density: kg/m3.
        viscosity: Pa.s.
    """

    density: float
    viscosity: float


def sample_list(sample: str, method: str) -> bytes:
    """Return the file that asks for one measurement of a sample by a method.

    Raises:
        ValueError: A name has a character that the format or a file's name does not take.
    """
    for name in (sample, method):
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name for the densimeter: letters, digits, . and -")
    return f"#V100\n1;{sample};;;;{method}\n".encode("ascii")


def check_list(check: str) -> bytes:
    """Return the file that asks for a check by its name, such as one with water."""
    return f"#V200\nType;C (Check);Check Type;{check}\n".encode("ascii")


def read_check(data: bytes) -> str | None:
    """Return the name of the check that a file asks for, or None where it asks for none."""
    lines = data.decode("ascii", "replace").splitlines()
    if lines[:1] != ["#V200"]:
        return None
    fields = ";".join(lines[1:]).split(";")
    pairs = dict(zip(fields[::2], fields[1::2], strict=False))
    return pairs.get("Check Type")


def read_sample_list(data: bytes) -> list[tuple[str, str]]:
    """Return sample and method of each line of a list.

    Raises:
        ValueError: It is no list of samples.
    """
    lines = data.decode("ascii").splitlines()
    if not lines or lines[0] != "#V100":
        raise ValueError(f"a list of samples begins with #V100, not {lines[:1]}")
    found = []
    for line in lines[1:]:
        fields = line.split(";")
        if len(fields) != 6:
            raise ValueError(f"a line has 6 fields: {line!r}")
        found.append((fields[1], fields[5]))
    return found


def read_table(data: bytes, where: str) -> list[Row]:
    """Return the measurements of a result file, in SI units, without `MASTER` rows.

    Raises:
        WireError: Columns are missing, or a number is none.
    """
    text = data.decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text), delimiter=";")
    needed = {DENSITY, DENSITY_CONDITION, VISCOSITY, VISCOSITY_CONDITION, LEVEL}
    missing = sorted(needed - set(reader.fieldnames or ()))
    if missing:
        raise WireError(
            f"no column {', '.join(missing)}", where=where,
            remedy="add it to the export of the instrument",
        )  # fmt: skip
    rows = []
    for row in reader:
        if row[LEVEL] == MASTER:
            continue
        density = _number(row[DENSITY], row[DENSITY_CONDITION], where)
        viscosity = _number(row[VISCOSITY], row[VISCOSITY_CONDITION], where)
        rows.append(Row(density * 1e3, viscosity * 1e-3))
    return rows


def write_table(rows: Sequence[tuple[float, str, float, str, str]]) -> bytes:
    """Return a result file of rows (g/cm3, condition, mPa.s, condition, level)."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([DENSITY, DENSITY_CONDITION, VISCOSITY, VISCOSITY_CONDITION, LEVEL])
    for density, dense, viscosity, viscous, level in rows:
        writer.writerow([f"{density:.5f}", dense, f"{viscosity:.4f}", viscous, level])
    return out.getvalue().encode("utf-8")


def _number(text: str | None, condition: str | None, where: str) -> float:
    if condition != VALID:
        return math.nan
    try:
        return float((text or "").replace(",", "."))
    except ValueError:
        raise WireError(f"{text!r} is no number", where=where) from None
