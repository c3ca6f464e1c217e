"""A Parquet table as CSV, and what CSVW says of its columns."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any, Final

from messages.model import JsonObject

_KEY: Final = "csvw"
"""Under which a Parquet file of ours carries its CSVW metadata."""

_TYPES: Final = {"Int": "long", "UInt": "long", "Float": "double", "Boolean": "boolean"}
"""Of a column, by the beginning of its polars type; else string."""

_LEVEL: Final = 6
_BLOCK: Final = 1 << 20


def write_csv(source: Path, target: Path) -> bool:
    """Write a Parquet table as gzip'ed CSV, the same bytes for the same table.

    Returns:
        Whether it is a table.
    """
    import polars as pl  # noqa: PLC0415
    from polars.exceptions import PolarsError  # noqa: PLC0415

    plain = target.with_name(f".{target.name}.csv")
    try:
        table = pl.scan_parquet(source)
        for name, kind in table.collect_schema().items():
            if kind.is_nested():
                table = table.with_columns(pl.col(name).map_elements(_text, pl.String))
        table.sink_csv(plain)
        with (
            plain.open("rb") as reader,
            target.open("wb") as file,
            gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as writer,
        ):
            shutil.copyfileobj(reader, writer, _BLOCK)
    except PolarsError:
        return False
    finally:
        plain.unlink(missing_ok=True)
    return True


def table_schema(source: Path, beside: Path | None) -> JsonObject | None:
    """Return the CSVW metadata of a Parquet table: its own, or made of its columns.

    Args:
        source: The table.
        beside: A file of metadata that its author made, if there is one.

    Returns:
        None where it is no table.
    """
    import polars as pl  # noqa: PLC0415
    from polars.exceptions import PolarsError  # noqa: PLC0415

    try:
        columns = pl.read_parquet_schema(source)
        own = pl.read_parquet_metadata(source).get(_KEY)
    except PolarsError:
        return None
    found = _parsed(beside.read_text(encoding="utf-8", errors="replace") if beside else own)
    if found.get("tableSchema"):
        return found
    described = [
        {"name": name, "titles": name, "datatype": _datatype(str(kind))}
        for name, kind in columns.items()
    ]
    return {"@context": "http://www.w3.org/ns/csvw", "tableSchema": {"columns": described}}


def _parsed(text: str | None) -> JsonObject:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _datatype(kind: str) -> str:
    return next((name for head, name in _TYPES.items() if kind.startswith(head)), "string")


def _text(value: Any) -> str:
    return json.dumps(value, default=str)
