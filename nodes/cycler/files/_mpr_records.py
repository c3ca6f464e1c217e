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

_BEGIN: Final = {2: 405, 3: 406, 10: 1007, 11: 1007}
"""Where in the module the records begin, by its version."""

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
    count, numbers = _header(source, module)
    begin, length = _shape(source, module, count, numbers)
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


def _header(source: Source, module: Module) -> tuple[int, list[int]]:
    wide = 2 if module.is_new else 1
    if module.length < 4 + wide:
        raise source.refuse("its module VMP data is empty: the file is cut before the records")
    count = struct.unpack_from("<I", source.data, module.start)[0]
    columns = source.data[module.start + 4]
    at = 4 + wide
    if not 0 < columns <= MAX_COLUMNS or at + 2 * columns > module.length:
        raise source.refuse(
            f"its module VMP data (version {module.version}) names {columns} columns",
            remedy="this layout is not known: export the measurement as text (.mpt)",
        )
    return count, list(struct.unpack_from(f"<{columns}H", source.data, module.start + at))


def _sizes(numbers: list[int]) -> int:
    known = sum(np.dtype(MPR_COLUMNS[n].type).itemsize for n in numbers if n in MPR_COLUMNS)
    return known + (1 if any(n in FLAGS for n in numbers) else 0)


def _shape(source: Source, module: Module, count: int, numbers: list[int]) -> tuple[int, int]:
    """Where the records begin in the module, and how long one is."""
    known = _sizes(numbers)
    unknown = [n for n in numbers if n not in MPR_COLUMNS and n not in FLAGS]
    begin = _BEGIN.get(module.version)
    if begin is not None:
        room = module.promised - begin
        if not count:
            return begin, known
        if room >= 0 and room % count == 0:
            length = room // count
            if length == known or (unknown and length > known):
                return begin, length
    elif not unknown and count:
        begin = module.promised - count * known
        if 5 + 2 * len(numbers) <= begin <= 4096:
            return begin, known
    raise source.refuse(
        f"its records do not have the length of their columns: version {module.version}, {count} "
        f"records, columns {numbers}, {known} bytes a record expected"
        + (f"; unknown columns {unknown}" if unknown else ""),
        remedy="export the measurement as text (.mpt)",
    )


def _layout(
    source: Source, numbers: list[int], length: int, remarks: list[Remark]
) -> tuple[np.dtype[Any], dict[str, str], list[int]]:
    unknown = [n for n in numbers if n not in MPR_COLUMNS and n not in FLAGS]
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
