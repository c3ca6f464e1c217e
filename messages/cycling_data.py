"""What is read from a cycler's raw files: summary by cycle, checks, and where the data are."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from messages.array import Array
from messages.ledger import SampleId
from messages.model import Count, Flag, Model, Real, Text, Unit

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""sha256 of a file's content, by which an artifact is addressed."""


class DataFile(Model):
    """A file among the result's artifacts."""

    name: Text = Field(description="as the artifact is called")
    sha256: Digest = Field(description="address of the artifact")


class CyclingFiles(Model):
    """The data behind a summary."""

    raw: tuple[DataFile, ...] = Field(description="the cycler's own files, parts in their order")
    table: DataFile | None = Field(
        default=None, description="Parquet, columns of the Battery Data Format, SI units"
    )
    metadata: DataFile | None = Field(default=None, description="CSVW metadata of the table")


class CycleSummary(Model):
    """A test cycle by cycle; all arrays have one value a cycle."""

    cycle: Annotated[Array, Unit("1")] = Field(description="numbers of the cycles")
    charge_capacity: Annotated[Array, Unit("A.h")] = Field(description="charged")
    discharge_capacity: Annotated[Array, Unit("A.h")] = Field(description="discharged")
    charge_energy: Annotated[Array, Unit("W.h")] = Field(description="charged")
    discharge_energy: Annotated[Array, Unit("W.h")] = Field(description="discharged")

    @model_validator(mode="after")
    def _consistent(self) -> CycleSummary:
        sizes = {(array.ndim, array.size) for array in self.__dict__.values()}
        if len(sizes) != 1 or next(iter(sizes))[0] != 1:
            raise ValueError("the arrays have one dimension and the same number of cycles")
        return self


class Finding(Model):
    """What a check of the raw data has found."""

    code: Text = Field(description="of the check")
    severity: Text = Field(description="info, warning or error")
    words: Text = Field(description="what was found, for people")


class CyclingDataInput(Model):
    """Read a raw file of a cycler into the ledger."""

    file: Text = Field(description="path on the machine of the node, in a folder that it watches")
    sha256: Digest | None = Field(
        default=None, description="of the content that was read; of the first part where split"
    )
    sample: SampleId | None = Field(
        default=None, description="the cell, where it is known in the ledger"
    )


class CyclingDataOutput(Model):
    """What a raw file holds."""

    file_format: Text = Field(description="what the file was recognised as")
    instrument: Text = Field(default="", description="vendor and software, as the file says")
    cell: Text = Field(default="", description="name of the cell, as the file says")
    channel: Text = Field(default="", description="as the file says")
    protocol: Text = Field(default="", description="name of the schedule, as the file says")
    started: AwareDatetime | None = Field(
        default=None, description="of the test, where the file says it with a time zone"
    )
    records: Annotated[Count, Unit("1")] = Field(description="rows of the table")
    duration: Annotated[Real, Unit("s")] = Field(description="from the first record to the last")
    summary: CycleSummary
    files: CyclingFiles
    findings: tuple[Finding, ...] = Field(default=(), description="of the consistency checks")
    consistent: Flag = Field(description="whether no check has found an error")
