"""The workflow file: a graph of capabilities, as its author writes it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from labmesh.yaml_lines import Lines, dotted, line_of, read_yaml
from messages.errors import ConfigurationError
from messages.model import Name

StepName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
]
"""Name of a step, as expressions write it: ``steps.NAME``."""

Template = Any
"""Any value; texts in it may hold ``${expression}``."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Priority = Annotated[int, Field(strict=True, ge=0, le=9)]
Attempts = Annotated[int, Field(strict=True, ge=1, le=100)]

REMEDY: Final = "docs/workflows.md lists every key of a workflow file"


class Section(BaseModel):
    """A part of the file: closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServesSection(Section):
    """The capability that the workflow offers."""

    quantity: Name
    method: Name
    version: Annotated[int, Field(strict=True, ge=1)] = 1
    slots: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=4, description="workflows of this kind at a time"
    )
    input: dict[str, Any] | None = Field(
        default=None,
        description="JSON Schema of the parameters; left out where Labmesh knows the capability",
    )
    output: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of the answer; left out likewise"
    )


class RetrySection(Section):
    """When the same is asked once more."""

    tries: Annotated[int, Field(strict=True, ge=1, le=20)] = Field(
        default=3, description="in all, the first one included"
    )
    rating_below: Annotated[int, Field(strict=True, ge=1, le=5)] | None = Field(
        default=None, description="a result rated lower is tried again; the best one counts"
    )
    pause: NonNegative = Field(default=0.0, description="seconds of the lab's time before a try")


class ExpectSection(Section):
    """What a result must say to count: otherwise its try has failed, and may be repeated."""

    that: str = Field(description="expression over data, rating, samples, item and the rest")
    otherwise: str = Field(description="words for people; may hold ${...}")


class StateSection(Section):
    """A sample and the state in which it must be."""

    sample: Template
    state: Template


class AskSection(Section):
    """What is asked of a capability."""

    quantity: Name
    method: Name
    parameters: dict[str, Template] = Field(default_factory=dict)
    when: str | bool | None = Field(default=None, description="skipped unless this is true")
    from_state: str | StateSection | None = Field(
        default=None,
        description="the sample it is about: it must be in the last state this workflow knows",
    )
    expires_after: Positive | None = Field(
        default=None, description="wall seconds after which nobody shall begin it any more"
    )
    attempts: Attempts = Field(default=3, description="workers that may try one request")
    priority: Priority | None = Field(default=None, description="None: that of the workflow")
    description: str = ""


class CompensationSection(AskSection):
    """What undoes a step that was done, when the workflow fails or is cancelled."""

    upon: tuple[Literal["failure", "cancel"], ...] = Field(
        default=("failure", "cancel"), min_length=1
    )


class StepSection(AskSection):
    """One step, or as many as there are items."""

    after: tuple[StepName, ...] = Field(
        default=(), description="steps that must be over first, where no value says so"
    )
    for_each: Template = Field(default=None, description="a list: one request for each item")
    at_least: int | str | None = Field(
        default=None, description="so many items must come through; None: all of them"
    )
    parallel: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        default=None, description="items at a time; None: all"
    )
    retry: RetrySection = RetrySection(tries=1)
    expect: ExpectSection | None = None
    compensate: tuple[CompensationSection, ...] = ()


class RatingSection(Section):
    """How the answer is rated."""

    success: str | bool = True
    rating: str | int = 5
    reason: str = ""


class PriceSection(Section):
    """What a capability costs."""

    each: NonNegative = Field(default=0.0, description="of every request that was begun")
    hour: NonNegative = Field(default=0.0, description="of an hour of the lab's time")


class PricesSection(Section):
    """What the capabilities cost."""

    currency: str = Field(default="", description="unit of every number here")
    capabilities: dict[str, PriceSection] = Field(
        default_factory=dict, description="by QUANTITY/METHOD"
    )


class Workflow(Section):
    """A workflow, as its file says it."""

    labmesh_workflow: Literal[1] = Field(description="version of the format")
    name: Name
    description: str = ""
    serves: ServesSection
    let: dict[StepName, Template] = Field(
        default_factory=dict, description="values that are used more than once, as let.NAME"
    )
    steps: dict[StepName, StepSection] = Field(min_length=1, max_length=100)
    answer: dict[str, Template]
    rating: RatingSection | None = None
    prices: PricesSection = PricesSection()

    @property
    def key(self) -> tuple[str, str]:
        """The (quantity, method) that it offers."""
        return self.serves.quantity, self.serves.method

    @property
    def asks(self) -> tuple[tuple[str, str], ...]:
        """Every (quantity, method) that it may ask for, each once."""
        found = [(step.quantity, step.method) for step in self.steps.values()]
        for step in self.steps.values():
            found += [(undo.quantity, undo.method) for undo in step.compensate]
        return tuple(dict.fromkeys(found))

    def as_json(self) -> str:
        """Return it as JSON, in one form."""
        return json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"),
            ensure_ascii=False,
        )  # fmt: skip

    @property
    def sha256(self) -> str:
        """Hash of `as_json`."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


def workflow_schema() -> dict[str, Any]:
    """Return the JSON Schema of a workflow file, for editors."""
    schema = Workflow.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_workflow(path: str | Path) -> tuple[Workflow, Lines]:
    """Return the workflow in the file at ``path``, and the lines of its values.

    Its graph and expressions are not checked here: see `check`.

    Raises:
        ConfigurationError: It cannot be read or is no workflow; every mistake is named with file,
            line and field.
    """
    path = Path(path)
    value, lines = read_yaml(path, begin="labmesh_workflow: 1")
    try:
        return Workflow.model_validate(value), lines
    except ValidationError as error:
        found = []
        for mistake in error.errors(include_url=False, include_input=False):
            place = tuple(mistake["loc"])
            if mistake["type"] == "extra_forbidden":
                words = f"unknown key{_near(place)}"
            else:
                words = mistake["msg"].removeprefix("Value error, ")
            found.append((line_of(lines, place), f"{dotted(place) or 'workflow'}: {words}"))
        found.sort()
        rest = "".join(f"\n{path}:{line}: {words}" for line, words in found[1:])
        raise ConfigurationError(
            found[0][1] + rest, where=f"{path}:{found[0][0]}", remedy=REMEDY
        ) from None


def _near(place: tuple[str | int, ...]) -> str:
    """Return the known key that an unknown one resembles, in words."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

    names = {name for kind in _SECTIONS for name in kind.model_fields}
    near = get_close_matches(str(place[-1]), sorted(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


_SECTIONS: Final = (
    Workflow, ServesSection, StepSection, RetrySection, ExpectSection, CompensationSection,
    RatingSection, PricesSection, PriceSection, StateSection,
)  # fmt: skip
