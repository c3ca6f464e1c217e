"""What the node does when it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labmesh import Order, OrderError
from messages.eln import ElnDeploymentInput, ElnDeploymentOutput
from nodes.eln._parameters import ElnParameters


def notebook(parameters: ElnParameters, folder: Path) -> Any:
    """Return the notebook that a node is set up for."""
    return (parameters.system, folder)


async def deploy(
    node: object, order: Order[ElnDeploymentInput], target: Any
) -> ElnDeploymentOutput:
    """Write a campaign into the notebook."""
    raise OrderError(f"{node} cannot write campaign {order.parameters.campaign} into {target} yet")
