"""The table as a Parquet file that says by itself what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.exceptions import PolarsError

from nodes.cycler.files._csvw import csvw
from nodes.cycler.files._errors import UnreadableFileError
from nodes.cycler.files._read import CyclerData

KEY: Final = "csvw"
"""Key of the CSVW document in the Parquet file's metadata."""

MEDIA_TYPE: Final = "application/vnd.apache.parquet"


def write_parquet(data: CyclerData, path: Path) -> dict[str, Any]:
    """Write the table, compressed with zstd, and return its CSVW metadata.

    The same data give the same bytes. The metadata are in the file too, under `KEY`.

    Raises:
        OSError: It cannot be written.
    """
    document = csvw(data, path.name)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    data.table.write_parquet(path, compression="zstd", metadata={KEY: text})
    return document


def read_parquet(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """A table written by `write_parquet`, and its CSVW metadata.

    Raises:
        UnreadableFileError: It is no such file.
    """
    try:
        table = pl.read_parquet(path)
        document = json.loads(pl.read_parquet_metadata(path).get(KEY, "{}"))
    except (PolarsError, OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise UnreadableFileError(
            f"it is not a Parquet file of a cycler's table: {first}", where=str(path)
        ) from error
    if not isinstance(document, dict) or "voltage_volt" not in table.columns:
        raise UnreadableFileError(
            "it is a Parquet file, but not a cycler's table: no column voltage_volt",
            where=str(path),
        )
    return table, document
