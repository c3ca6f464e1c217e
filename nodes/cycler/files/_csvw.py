"""Metadata of a table as CSVW (W3C "CSV on the Web"), its columns named by the ontology's IRIs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from nodes.cycler.files._columns import BY_NAME, ONTOLOGY, ONTOLOGY_VERSION
from nodes.cycler.files._read import CyclerData

_DATATYPES: Final = {
    pl.Float64: "double",
    pl.Int64: "long",
    pl.String: "string",
    pl.Datetime: "dateTime",
}

CONTEXT: Final = [
    "http://www.w3.org/ns/csvw",
    {
        "bdf": f"{ONTOLOGY}#",
        "schema": "https://schema.org/",
        "prov": "http://www.w3.org/ns/prov#",
    },
]


def csvw(data: CyclerData, url: str) -> dict[str, Any]:
    """The metadata of a table, to be stored beside it as ``<name>-metadata.json``.

    Args:
        data: What was read.
        url: Name of the table's file, relative to the metadata.
    """
    said = data.metadata
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "url": url,
        "dc:conformsTo": f"{ONTOLOGY}/{ONTOLOGY_VERSION}",
        "dc:title": said.cell or said.file_name,
        "prov:wasDerivedFrom": {
            "schema:name": said.file_name,
            "schema:contentSize": said.file_size,
            "schema:sha256": said.sha256,
        },
        "schema:instrument": " ".join(part for part in (said.vendor, said.instrument) if part),
        "schema:softwareVersion": said.software,
        "schema:description": said.comment,
        "notes": [
            {"severity": remark.severity, "code": remark.code, "words": remark.words}
            for remark in data.remarks
        ]
        + [
            {"severity": check.severity, "code": check.name, "words": check.words}
            for check in data.failures
        ],
        "labmesh:format": said.format,
        "labmesh:channel": said.channel,
        "labmesh:protocol": said.protocol,
        "labmesh:operator": said.operator,
        "labmesh:startTime": started(said.start_time, said.start_time_text),
        "labmesh:capacityBasis": data.summary.basis,
        "labmesh:unitsInFile": said.units,
        "labmesh:columnsNotRead": list(said.unread),
        "tableSchema": {"columns": [_column(name, data.table) for name in data.table.columns]},
    }
    return {key: value for key, value in document.items() if value not in ("", [], {}, None)}


def _column(name: str, table: pl.DataFrame) -> dict[str, Any]:
    column = BY_NAME[name]
    described = {
        "name": name,
        "titles": column.label,
        "datatype": _DATATYPES[table.schema[name].base_type()],
        "required": column.obligation == "required" and not table[name].null_count(),
    }
    if column.iri:
        described["propertyUrl"] = column.iri
    if column.unit:
        described["schema:unitCode"] = column.unit
    return described


def started(time: datetime | None, text: str) -> str:
    """A start as ISO 8601: in UTC when its zone is known, else local time without one."""
    if time is None:
        return text
    return (time.astimezone(UTC) if time.tzinfo else time).isoformat()
