"""Files that belong to a result: documents, downloads, and tables whose columns are known."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._nodes import Label, Nodes, Ref

OPEN_FORMATS: Final = frozenset(
    {
        "text/csv", "text/plain", "text/tab-separated-values", "text/html", "text/markdown",
        "application/json", "application/ld+json", "application/csvm+json", "application/xml",
        "application/zip",
        "application/vnd.apache.parquet", "application/x-hdf5", "application/gzip",
        "application/pdf", "application/yaml", "image/png", "image/jpeg", "image/svg+xml",
        "image/tiff", "chemical/x-pdb", "chemical/x-cif", "chemical/x-xyz",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)  # fmt: skip
"""Media types that anybody's program may read. Of any other the software is named (FAIR 22)."""

PARQUET: Final = "application/vnd.apache.parquet"
_RAW: Final = ("files", "raw")
"""Fields of a result's data that name the raw files behind its table, where it has one."""

_METADATA: Final = "-metadata.json"
"""Ending of a CSVW description's name, after its table's (CSVW 2.2, standard file metadata)."""

_COLUMNS: Final = (
    ("test_time_second", "Test Time / s"),
    ("voltage_volt", "Voltage / V"),
    ("current_ampere", "Current / A"),
)
"""Columns that every table of the Battery Data Format has, in its order."""


def put_artifacts(
    nodes: Nodes, artifacts: Sequence[Mapping[str, Any]], activity: str, software: str
) -> list[str]:
    """Describe the files of a result; return their IRIs.

    Args:
        nodes: Where it is said.
        artifacts: As a result names them.
        activity: What made them.
        software: What wrote those in a format of its own, ``name version``; may be unknown.
    """
    names = {each["name"]: each["sha256"] for each in artifacts}
    found = []
    for each in artifacts:
        iri = nodes.add(
            iris.artifact(each["sha256"]),
            "schema:DigitalDocument",
            "schema:DataDownload",
            "dcat:Distribution",
            "prov:Entity",
        )
        nodes.put(iri, "schema:name", each["name"])
        nodes.put(iri, "schema:encodingFormat", each["media_type"])
        nodes.put(iri, "dcat:mediaType", Ref(_media_type(each["media_type"])))
        nodes.put(iri, "schema:contentSize", f"{each['size']} B")
        nodes.put(iri, "schema:sha256", each["sha256"])
        nodes.link(iri, "dcat:downloadURL", named_information(each["sha256"]))
        _put_checksum(nodes, iri, each["sha256"])
        nodes.link(iri, "prov:wasGeneratedBy", activity)
        if each["media_type"] not in OPEN_FORMATS:
            nodes.put(iri, "schema:softwareRequirements", software)
        described = names.get(each["name"] + _METADATA)
        if described and each["media_type"] == PARQUET:
            _put_table(nodes, iri, described)
        found.append(iri)
    return found


def put_origin(nodes: Nodes, data: Mapping[str, Any]) -> None:
    """Say from which raw files a table was made, where the data say it."""
    files = data.get(_RAW[0])
    raw = files.get(_RAW[1]) if isinstance(files, dict) else None
    table = files.get("table") if isinstance(files, dict) else None
    if isinstance(table, dict) and isinstance(raw, list | tuple):
        for each in raw:
            made = iris.artifact(table["sha256"])
            nodes.link(made, "prov:wasDerivedFrom", iris.artifact(each["sha256"]))


def named_information(sha256: str) -> str:
    """Return the URI that names a content by its hash (RFC 6920): it says what, not where."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()
    return f"ni:///sha-256;{digest}"


def _media_type(name: str) -> str:
    return f"https://www.iana.org/assignments/media-types/{iris.safe_path(name)}"


def _put_checksum(nodes: Nodes, iri: str, sha256: str) -> None:
    checksum = nodes.add(iris.part(iri, "checksum"), "spdx:Checksum")
    nodes.put(checksum, "spdx:algorithm", Label("spdx:checksumAlgorithm_sha256"))
    nodes.put(checksum, "spdx:checksumValue", sha256)
    nodes.link(iri, "spdx:checksum", checksum)


def _put_table(nodes: Nodes, iri: str, metadata: str) -> None:
    """Say what a table of the Battery Data Format holds; all of its columns are in its metadata."""
    nodes.add(iri, "csvw:Table")
    nodes.link(iris.artifact(metadata), "schema:about", iri)
    schema = nodes.add(f"{iris.OWN}table:battery-data-format", "csvw:Schema")
    nodes.link(iri, "csvw:tableSchema", schema)
    for name, title in _COLUMNS:
        column = nodes.add(iris.part(schema, name), "csvw:Column")
        nodes.put(column, "csvw:name", name)
        nodes.put(column, "csvw:title", title)
        nodes.put(column, "csvw:propertyUrl", Label(f"bdf:{name}"))
        nodes.link(schema, "csvw:column", column)
