"""What a container holds, and what becomes of a component that fails."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from labmesh import NodeParameters
from labmesh.node import parameter
from messages.model import Name, NodeName


class Component(BaseModel):
    """One node of a container, named as in a launch file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str = Field(description="program: an entry point, or module:Class")
    name: Name = Field(description="the node's name")
    param: dict[str, Any] = Field(default_factory=dict, description="its parameters")
    remap: dict[str, NodeName] = Field(
        default_factory=dict, description="logical name of an input or call target to site/node"
    )
    ledger: NodeName | None = Field(default=None, description="its broker node; the container's")
    clock: NodeName | None = Field(default=None, description="its clock node; the container's")
    autostart: bool = Field(default=True, description="configure and activate it at once")
    account: str | None = Field(
        default=None, description="its account file, where the MQTT broker knows each node"
    )


class ContainerParameters(NodeParameters):
    """Parameters of a container."""

    components: list[Component] = parameter(
        default_factory=list,
        effect="configure",
        description="the nodes that it holds, loaded when it is configured",
    )
    restart: Literal["never", "on_failure", "always"] = parameter(
        "on_failure", description="whether a component that has ended is started again"
    )
    restart_delay: float = parameter(
        1.0, gt=0, le=3600, unit="s", description="wait before that; doubles up to a minute"
    )
    restarts: int = parameter(
        5, ge=0, description="how often in a row; a component that ran a minute counts from 0"
    )  # fmt: skip

    @field_validator("components")
    @classmethod
    def _one_name_each(cls, components: list[Component]) -> list[Component]:
        names = [each.name for each in components]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two components are called {', '.join(twice)}")
        return components
