"""Parameters of the Overlort node."""

from __future__ import annotations

from labmesh import NodeParameters
from labmesh.node import parameter


class OverlortParameters(NodeParameters):
    """Parameters of an `OverlortNode`."""

    workflows: list[str] = parameter(
        description="paths of workflow files (docs/workflows.md); each is offered as a capability",
        effect="start",
        min_length=1,
    )
