"""The Overlort node: offers workflows as capabilities."""

from __future__ import annotations

from labmesh import Node
from nodes.overlort._definition import load_workflow
from nodes.overlort._parameters import OverlortParameters


class OverlortNode(Node[OverlortParameters]):
    """Breaks a request into the sub-requests of a workflow, and answers with what came of them."""

    Parameters = OverlortParameters

    @classmethod
    def asks_for(cls, parameters: OverlortParameters) -> tuple[tuple[str, str], ...]:
        """Return the capabilities of all steps.

        Raises:
            ConfigurationError: A workflow file cannot be read.
        """
        found = [key for path in parameters.workflows for key in load_workflow(path)[0].asks]
        return tuple(dict.fromkeys(found))

    @classmethod
    def also_serves(cls, parameters: OverlortParameters) -> tuple[tuple[str, str], ...]:
        """Return what the workflows offer; errors as `asks_for`."""
        return tuple(load_workflow(path)[0].key for path in parameters.workflows)
