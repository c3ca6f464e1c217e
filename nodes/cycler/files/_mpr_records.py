"""The records of EC-Lab's module VMP data: where they begin and what each byte of one is."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nodes.cycler.files._mpr_columns import FLAGS, MPR_COLUMNS
from nodes.cycler.files._mpr_modules import Module
from nodes.cycler.files._recording import Remark
from nodes.cycler.files._source import Source

_BEGIN: Final = {0: 100, 2: 405, 3: 406, 10: 1007, 11: 1007}
"""Where in the module the records begin, by its version. The oldest, 0, is published, not seen."""

_LARGEST_HEADER: Final = 4096

MAX_COLUMNS: Final = 255

_USED: Final = {1, 31}
"""Flags that become something: the mode and the changes of the step."""


@dataclass
class Records:
    """What the data module holds.

    Args:
        columns: Values by EC-Lab's name (the first of two with the same name).
        flags: Values of the bit fields by name.
        remarks: What could not be read, in words.
    """

    count: int
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    flags: dict[str, NDArray[Any]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


def read_records(source: Source, module: Module) -> Records:
    """All records of a data module.

    Raises:
        UnreadableFileError: The layout is not known, or columns are not, and the record's length
            does not tell what they are.
    """
    data = source.data
    count, readings = _header(source, module)
    begin, length, numbers = _shape(source, module, count, readings)
    remarks: list[Remark] = []
    present = max(0, (module.length - begin) // length) if length else 0
    if present < count:
        words = (
            f"The file is cut: {present} of {count} records are there. It was copied while EC-Lab "
            "was writing it, or the copy is damaged."
        )
        remarks.append(Remark("error", "truncated", words))
        count = present
    dtype, names, flagged = _layout(source, numbers, length, remarks)
    table = (
        np.frombuffer(data, dtype=dtype, count=count, offset=module.start + begin)
        if count
        else np.empty(0, dtype=dtype)
    )
    records = Records(count, remarks=remarks)
    for key, name in names.items():
        records.columns.setdefault(name, table[key])
    if flagged:
        byte = np.ascontiguousarray(table["flags"])
        for number in _USED.intersection(flagged):
            name, mask = FLAGS[number]
            shift = (mask & -mask).bit_length() - 1
            records.flags[name] = (byte & mask) >> shift
    return records


def _header(source: Source, module: Module) -> tuple[int, list[list[int]]]:
    """How many records, and the columns' numbers: of two bytes each, or of one in the oldest."""
    wide = 2 if module.is_new else 1
    if module.length < 4 + wide:
        raise source.refuse("its module VMP data is empty: the file is cut before the records")
    data, start = source.data, module.start
    count, columns = struct.unpack_from("<IB", data, start)
    at = start + 4 + wide
    found = []
    if 0 < columns <= MAX_COLUMNS:
        if 4 + wide + 2 * columns <= module.length:
            found.append(list(struct.unpack_from(f"<{columns}H", data, at)))
        if not module.is_new and 4 + wide + columns <= module.length:
            found.append(list(data[at : at + columns]))
    if not found:
        raise source.refuse(
            f"its module VMP data (version {module.version}) names {columns} columns",
            remedy="this layout is not known: export the measurement as text (.mpt)",
        )
    if module.version in _BEGIN:
        return count, found[-1:] if module.version == 0 else found[:1]
    return count, found


def _unknown(numbers: list[int]) -> list[int]:
    return [n for n in numbers if n not in MPR_COLUMNS and n not in FLAGS]


def _sizes(numbers: list[int]) -> int:
    known = sum(np.dtype(MPR_COLUMNS[n].type).itemsize for n in numbers if n in MPR_COLUMNS)
    return known + (1 if any(n in FLAGS for n in numbers) else 0)


def _shape(
    source: Source, module: Module, count: int, readings: list[list[int]]
) -> tuple[int, int, list[int]]:
    """Where the records begin in the module, how long one is, and its columns."""
    begin = _BEGIN.get(module.version)
    for numbers in readings:
        known, unknown = _sizes(numbers), _unknown(numbers)
        if begin is not None and not count:
            return begin, known, numbers
        if begin is not None and module.promised >= begin:
            length, rest = divmod(module.promised - begin, count)
            if not rest and (length == known or (unknown and length > known)):
                return begin, length, numbers
        inferred = module.promised - count * known
        if begin is None and not unknown and _is_header(source, module, inferred, len(numbers)):
            return inferred, known, numbers
    numbers = readings[0]
    unknown = _unknown(numbers)
    raise source.refuse(
        f"its records do not have the length of their columns: version {module.version}, {count} "
        f"records, columns {numbers}, {_sizes(numbers)} bytes a record expected"
        + (f"; unknown columns {unknown}" if unknown else ""),
        remedy="export the measurement as text (.mpt)",
    )


def _is_header(source: Source, module: Module, begin: int, columns: int) -> bool:
    """Whether what stands before the records is, but for the columns' numbers, blank."""
    if not 5 + columns <= begin <= _LARGEST_HEADER:
        return False
    blank = source.data[module.start + 6 + 2 * columns : module.start + begin]
    return len(blank) - blank.count(0) <= 8


def _layout(
    source: Source, numbers: list[int], length: int, remarks: list[Remark]
) -> tuple[np.dtype[Any], dict[str, str], list[int]]:
    unknown = _unknown(numbers)
    missing = length - _sizes(numbers)
    fields: dict[str, tuple[str, int]] = {}
    names: dict[str, str] = {}
    offset, flags_seen, lost = 0, False, []
    for place, number in enumerate(numbers):
        if number in FLAGS:
            if not flags_seen:
                fields["flags"] = ("|u1", offset)
                offset, flags_seen = offset + 1, True
        elif number in MPR_COLUMNS:
            column = MPR_COLUMNS[number]
            key = f"{place}"
            fields[key], names[key] = (column.type, offset), column.name
            offset += np.dtype(column.type).itemsize
        elif len(unknown) == 1:
            offset += missing
        else:
            lost = numbers[place:]
            break
    if lost and not {"time/s"} <= set(names.values()):
        raise source.refuse(
            f"its columns {unknown} are not known, and neither is where the others begin",
            remedy="export the measurement as text (.mpt), and send us both files",
        )
    if unknown:
        left = f"columns {lost} are" if lost else f"column {unknown[0]} ({missing} bytes) is"
        words = f"EC-Lab's {left} not known and left out."
        remarks.append(Remark("warning", "unknown_columns", words))
    dtype = np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [at for _, at in fields.values()],
            "itemsize": length,
        }
    )
    return dtype, names, [n for n in numbers if n in FLAGS]
