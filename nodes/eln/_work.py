"""What the node does when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labmesh import Node, Order
from labmesh.record import mesh_record
from messages.eln import ElnDeploymentInput, ElnDeploymentOutput
from nodes.eln._described import described
from nodes.eln._notebooks import Notebook, make_notebook
from nodes.eln._parameters import ElnParameters
from nodes.eln._story import read_story


def notebook(parameters: ElnParameters, folder: Path) -> Notebook:
    """Return the notebook that a node is set up for.

    Raises:
        ConfigurationError: A parameter, the token or the description is missing or wrong.
    """
    p = parameters
    return make_notebook(
        system=p.system, folder=Path(p.folder) if p.folder else folder / "notebooks", url=p.url,
        token_file=p.token_file, ca_file=p.ca_file, space=p.space, project=p.project,
        patience=p.patience,
        description=described(Path(p.description_file) if p.description_file else None),
    )  # fmt: skip


async def deploy(
    node: Node[Any], order: Order[ElnDeploymentInput], target: Notebook
) -> ElnDeploymentOutput:
    """Write a campaign into the notebook.

    Raises:
        LabmeshError: The campaign is confidential or not there, or the notebook refuses.
    """
    asked = order.parameters
    record = mesh_record(node.lab, node.data_dir / "artifacts")
    await order.feedback(0.0, f"reading campaign {asked.campaign}")
    story = await read_story(record, asked.campaign, _checked(order))
    await order.feedback(0.2, f"{len(story.samples)} samples, {len(story.results)} results")
    output = await target.deploy(record, story, dry_run=asked.dry_run, tell=_checked(order))
    made = sum(each.created for each in output.written)
    order.note(verified=output.verified)
    order.rate(success=True, rating=5, reason=f"{made} things written; {output.verified}")
    return output


def _checked(order: Order[ElnDeploymentInput]) -> Callable[[int, int], None]:
    """Return what stops the work where the order was cancelled."""

    def tell(_done: int, _total: int) -> None:
        order.check()

    return tell
