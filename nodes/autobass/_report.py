"""Cells of a batch that nobody will go on with: what the ledger learns of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from labmesh.client import LabClient
from messages.cell import CellAssemblyInput
from messages.errors import LabmeshError
from messages.ledger import FINAL, ArtifactRef, Provenance, Result, SampleStep, Status
from nodes.autobass._result import Made, Story, summary


class Unasked:
    """Collects what a result says that answers no request any more; as an order does.

    Args:
        request: Of the batch.
        parameters: What was asked.
        lab: Keeps the artifact.
    """

    def __init__(self, request: UUID, parameters: CellAssemblyInput, lab: LabClient) -> None:
        self.request = request
        self.parameters = parameters
        self.samples: list[SampleStep] = []
        self.notes: dict[str, Any] = {"request": str(request)}
        self.artifacts: list[ArtifactRef] = []
        self._lab = lab

    def sample(self, step: SampleStep) -> None:
        """See `Order.sample`."""
        self.samples.append(step)

    def note(self, **values: Any) -> None:
        """See `Order.note`."""
        self.notes.update(values)

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """See `Order.attach`."""
        reference = await self._lab.attach(source, name=name, media_type=media_type)
        self.artifacts.append(reference)
        return reference

    def result(self, story: Story, made: list[Made], provenance: Provenance) -> Result:
        """Return the result to post."""
        asked = self.parameters.model_copy(update={"batch_size": len(made)})
        return Result(
            quantity="cell_assembly",
            method="autobass_assembly",
            parameters=asked.model_dump(mode="json"),
            outcome="resolved",
            data=story.output(made).model_dump(),
            rating=summary(made, self.parameters.batch_size),
            provenance=provenance.model_copy(update={"notes": self.notes}),
            samples=tuple(self.samples),
            artifacts=tuple(self.artifacts),
        )


async def check_ended(lab: LabClient, request: UUID) -> None:
    """Refuse what may still be resumed: its cells would be born twice.

    Raises:
        LabmeshError: The ledger has the request, and it has not ended.
    """
    found = await lab.query("query.request", {"id": str(request)})
    status = Status(found["request"]["status"])
    if status not in FINAL:
        raise LabmeshError(
            f"request {request} is {status}",
            where="ledger",
            remedy=f"labmesh request abandon {request}, or release it to go on",
        )
