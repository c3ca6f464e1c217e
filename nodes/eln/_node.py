"""The ELN node."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labmesh import LabmeshError, Node, Order, OrderError, capability
from messages.eln import DEPLOYMENT, ElnDeploymentInput, ElnDeploymentOutput
from nodes.eln._parameters import ElnParameters


class ElnNode(Node[ElnParameters]):
    """Writes campaigns into electronic lab notebooks.

    Into .eln files, which eLabFTW, Kadi4Mat and others import; into an openBIS server through
    pyBIS; into an eLabFTW server through its REST API. What is confidential stays here. The openBIS
    and eLabFTW adapters have been exercised against stubs of the servers' protocols only.
    """

    Parameters = ElnParameters
    _notebook: Any = None

    async def on_configure(self) -> None:
        """Find the notebook's settings; say at once what is missing."""
        self._notebook = await self.in_thread(_work().notebook, self.parameters, self.data_dir)

    @capability(*DEPLOYMENT)
    async def deployment(self, order: Order[ElnDeploymentInput]) -> ElnDeploymentOutput:
        """A campaign in a notebook; asked again, only what is new is written."""
        try:
            output: ElnDeploymentOutput = await _work().deploy(self, order, self._notebook)
        except OrderError:
            raise
        except LabmeshError as error:
            raise OrderError(error.what, where=error.where, remedy=error.remedy) from error
        return output


def _work() -> Any:
    """Return the module that does the work; nobody who merely lists nodes needs it."""
    return import_module("nodes.eln._work")
