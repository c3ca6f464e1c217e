"""What is read from a cycler's raw files: summary by cycle, checks, and where the data are."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from messages.array import Array
from messages.ledger import SampleId
from messages.meaning import Term
from messages.model import Count, Flag, Model, Real, Text, Unit

Digest = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$"), Term("schema:sha256")
]
"""sha256 of a file's content, by which an artifact is addressed."""


class DataFile(Model, term="DataFile", relation="hasPart"):
    """A file among the result's artifacts."""

    name: Annotated[Text, Term("schema:name")] = Field(description="as the artifact is called")
    sha256: Digest = Field(description="address of the artifact")


class CyclingFiles(Model, term="CyclingDataCollection", relation="hasOutput"):
    """The data behind a summary."""

    raw: Annotated[tuple[DataFile, ...], Term("DataFile", "hasPart")] = Field(
        description="the cycler's own files, parts in their order"
    )
    table: Annotated[DataFile, Term("DataFile", "hasPart")] | None = Field(
        default=None, description="Parquet, columns of the Battery Data Format, SI units"
    )
    metadata: Annotated[DataFile, Term("DataFile", "dcterms:conformsTo")] | None = Field(
        default=None, description="CSVW metadata of the table"
    )


class CycleSummary(Model, term="CycleSummary", relation="hasOutput"):
    """A test cycle by cycle; all arrays have one value a cycle."""

    cycle: Annotated[Array, Unit("1"), Term("CycleIndex")] = Field(
        description="numbers of the cycles"
    )
    charge_capacity: Annotated[Array, Unit("A.h"), Term("ChargingCapacity")] = Field(
        description="charged"
    )
    discharge_capacity: Annotated[Array, Unit("A.h"), Term("DischargingCapacity")] = Field(
        description="discharged"
    )
    charge_energy: Annotated[Array, Unit("W.h"), Term("ChargingEnergy")] = Field(
        description="charged"
    )
    discharge_energy: Annotated[Array, Unit("W.h"), Term("DischargingEnergy")] = Field(
        description="discharged"
    )

    @model_validator(mode="after")
    def _consistent(self) -> CycleSummary:
        sizes = {(array.ndim, array.size) for array in self.__dict__.values()}
        if len(sizes) != 1 or next(iter(sizes))[0] != 1:
            raise ValueError("the arrays have one dimension and the same number of cycles")
        return self


class Finding(Model, term="DataCheckFinding", relation="hasDataQuality"):
    """What a check of the raw data has found."""

    code: Annotated[Text, Term("schema:identifier")] = Field(description="of the check")
    severity: Annotated[Text, Term("schema:additionalProperty")] = Field(
        description="info, warning or error"
    )
    words: Annotated[Text, Term("schema:description")] = Field(
        description="what was found, for people"
    )


class CyclingDataInput(Model, term="CyclingDataImport"):
    """Read a raw file of a cycler into the ledger."""

    file: Annotated[Text, Term("schema:url")] = Field(
        description="path on the machine of the node, in a folder that it watches"
    )
    sha256: Digest | None = Field(
        default=None, description="of the content that was read; of the first part where split"
    )
    sample: Annotated[SampleId, Term("BatteryCell", "hasTestObject")] | None = Field(
        default=None, description="the cell, where it is known in the ledger"
    )


class CyclingDataOutput(Model, term="CyclingDataImport"):
    """What a raw file holds."""

    file_format: Annotated[Text, Term("dcterms:format")] = Field(
        description="what the file was recognised as"
    )
    instrument: Annotated[Text, Term("schema:instrument")] = Field(
        default="", description="vendor and software, as the file says"
    )
    cell: Annotated[Text, Term("schema:name")] = Field(
        default="", description="name of the cell, as the file says"
    )
    channel: Annotated[Text, Term("schema:additionalProperty")] = Field(
        default="", description="as the file says"
    )
    protocol: Annotated[Text, Term("schema:measurementTechnique")] = Field(
        default="", description="name of the schedule, as the file says"
    )
    started: Annotated[AwareDatetime, Term("prov:startedAtTime")] | None = Field(
        default=None, description="of the test, where the file says it with a time zone"
    )
    records: Annotated[Count, Unit("1"), Term("NumberOfRecords")] = Field(
        description="rows of the table"
    )
    duration: Annotated[Real, Unit("s"), Term("Duration", "hasMeasurementParameter")] = Field(
        description="from the first record to the last"
    )
    summary: CycleSummary
    files: CyclingFiles
    findings: tuple[Finding, ...] = Field(default=(), description="of the consistency checks")
    consistent: Annotated[Flag, Term("schema:actionStatus")] = Field(
        description="whether no check has found an error"
    )
