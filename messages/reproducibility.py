"""What it takes to run a model again: a note of a result's provenance.

Under `REPRODUCIBILITY` the result of whatever computes holds a `Reproducibility` as a plain map;
under `RESTS_ON_SIMULATED` stands true where something that it was computed from was simulated,
however real the computation itself is.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.model import Count, JsonObject, Model, Nanoseconds, NodeName, Text, Unit, Uuid

REPRODUCIBILITY: Final = "reproducibility"
"""Name of the note that holds a `Reproducibility`."""

RESTS_ON_SIMULATED: Final = "rests_on_simulated"
"""Name of the note that is true where a result was made from simulated data."""

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in hex."""


class Recipe(Model):
    """What only the model itself can say: which one it is, and what it began with."""

    model: Text = Field(default="", description="name, with the hash or version of its parameters")
    initial_parameters: JsonObject = Field(
        default_factory=dict, description="the prior, or what a fit or a simulation began with"
    )
    seeds: tuple[Count, ...] = Field(
        default=(), description="of every random number; empty where none is drawn"
    )
    training_sha256: Digest | None = Field(
        default=None, description="of the data it was trained on; None where nothing was trained"
    )
    training_data: Text = Field(default="", description="where these data are")


class Code(Model):
    """Which code it was."""

    package: Text
    version: Text = ""
    commit: Text = Field(
        default="",
        description="of the checkout or of the installed revision; what was changed and not "
        "committed does not show",
    )
    packages: dict[str, Text] = Field(
        default_factory=dict, description="versions of the packages whose numbers decide"
    )


class Hardware(Model):
    """On which machine."""

    cpu: Text = Field(default="", description="model of the processor")
    cores: Annotated[Count, Unit("1")] = Field(default=0, description="logical ones")
    memory: Annotated[Count, Unit("By")] = 0
    gpus: tuple[Text, ...] = Field(default=(), description="models; whether used says the recipe")
    system: Text = Field(default="", description="operating system and architecture")


class Reproducibility(Recipe):
    """Everything that it takes to run a model again but its input, which the result names."""

    code: Code
    hardware: Hardware
    operator: Text = Field(default="", description="account on the host under which it ran")
    requester: NodeName | None = Field(default=None, description="who asked; None where nobody did")
    request: Uuid | None = Field(default=None, description="whose entry says when it was asked")
    made: Nanoseconds | None = Field(default=None, description="by the clock of who made it")
    metadata_sha256: Digest | None = Field(
        default=None, description="of the result's canonical metadata, this hash left out"
    )
