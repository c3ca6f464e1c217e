"""What samples are said to be, and a person's word on one that nobody can vouch for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.ledger import SampleId
from messages.meaning import Term
from messages.model import Model, Name, Text

INSPECTION: Final = ("sample_state", "inspection")
"""The capability whose results say what a person has found; told, not asked for."""

COIN_CELL: Final = "coin_cell"
"""Kind of the sample that a coin cell is."""

UNKNOWN: Final = "unknown"
"""Label of the state of a sample of which nobody can say what became of it."""

UNTOUCHED: Final = "untouched"
"""Note of a failed result's provenance, true where nothing was done to the order's sample: it was
refused before anything began. Then the sample's state stays what it was."""

Words = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000)]
"""Words for people, at least one."""


class InspectionInput(Model, term="SampleStateInspection"):
    """The sample that was looked at."""

    sample: Annotated[SampleId, Term("Sample", "hasSampleForInspection")] = Field(
        description="which"
    )


class InspectionOutput(Model, term="SampleStateInspection"):
    """What a person has found a sample to be, and why it is taken for that."""

    sample: Annotated[SampleId, Term("Sample", "hasSampleForInspection")] = Field(
        description="which"
    )
    label: Annotated[Name, Term("schema:name")] = Field(description="of the state that it is in")
    person: Annotated[Words, Term("prov:wasAssociatedWith")] = Field(
        description="who has looked and decided"
    )
    reason: Annotated[Words, Term("schema:description")] = Field(description="what was seen")
    location: Annotated[Text, Term("prov:atLocation")] = Field(
        default="", description="where it is"
    )


_ANY: Final = {UNKNOWN: "nobody can vouch for it; it waits for a person"}

LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "stock_solution": {
        "weighed": "weighed in, in its bottle",
        "discarded": "thrown away",
        **_ANY,
    },
    "electrolyte": {
        "formulated": "mixed, in its vial",
        "used": "some of it has been taken",
        "empty": "all of it has been taken",
        "measured": "went through the measuring line into the waste",
        "discarded": "thrown away",
        **_ANY,
    },
    COIN_CELL: {
        "received": "it came from somewhere else, without a history",
        "assembled": "closed, not yet charged",
        "formed": "formation is done",
        "charged": "its last protocol ended charged",
        "discharged": "its last protocol ended discharged",
        "interrupted": "its last protocol ended early; it is at rest",
        "opened": "taken apart",
        "scrapped": "not a cell to be used",
        "discarded": "thrown away",
        **_ANY,
    },
}
"""What the states of each kind of sample are called, and what that means. A lab may add its own
words: the ledger takes any, people are warned of one that stands here for another kind only."""

ENDS: Final = frozenset({"empty", "measured", "discarded", "opened", "scrapped"})
"""Labels after which nothing more can be done with a sample."""


def resolve_command(sample: str) -> str:
    """Return what a person types who has looked at a sample."""
    return f"labmesh sample resolve {sample} --label LABEL --reason TEXT"
