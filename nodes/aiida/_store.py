# ruff: noqa: PLC0415 - AiiDA is an extra, heavy, and reads AIIDA_PATH when it is imported
"""What an order finds and leaves in the profile: the model's node, its own process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from messages.chemistry import Formulation
from messages.model import JsonObject
from nodes.aiida._model import ConductivityModel
from nodes.aiida._profile import AiidaProfile

_CUT_OFF = "ended with the program that ran it; the order was run again"


@dataclass(frozen=True, slots=True)
class Computed:
    """The answer of a process.

    Attributes:
        uuid: Of the process's node.
        output: What it made, see `nodes.aiida._process`.
        graph: See `nodes.aiida._graph.graph_of`.
        again: Whether the process had run before, for the same request.
    """

    uuid: str
    output: JsonObject
    graph: JsonObject
    again: bool


class ProcessStore:
    """The processes of a profile. Belongs to the thread that opened the profile.

    Args:
        profile: Open.
        model: Its coefficients become a node, which every process is linked to.
    """

    def __init__(self, profile: AiidaProfile, model: ConductivityModel) -> None:
        from aiida import orm

        from nodes.aiida import _process

        self._orm, self._process = orm, _process
        self._profile, self._model = profile, model
        self._node = self._model_node()

    def mend(self) -> int:
        """Mark processes that a dead program left running as killed; return how many."""
        unfinished = self._query().append(
            self._orm.ProcessNode,
            filters={"attributes.process_state": {"in": ["created", "waiting", "running"]}},
        )
        found = unfinished.all(flat=True)
        for process in found:
            process.set_process_state(self._states().KILLED)
            process.set_process_status(_CUT_OFF)
            if not process.is_sealed:
                process.seal()
        return len(found)

    def compute(self, request: UUID, formulation: Formulation, temperature: float) -> Computed:
        """Run the process of a request, or return what it gave when it ran before."""
        label = str(request)
        earlier = self._query().append(
            self._orm.CalcFunctionNode,
            filters={"label": label, "attributes.sealed": True, "attributes.exit_status": 0},
        )
        process = earlier.first(flat=True)
        again = process is not None
        if process is None:
            process = self._process.run(
                self._profile.runner,
                label,
                "conductivity/polynomial_interpolation for the Labmesh request of this label",
                formulation=self._orm.Dict(
                    formulation.model_dump(mode="json"), label="formulation"
                ),
                temperature=self._orm.Float(temperature, label="temperature in K"),
                model=self._node,
            )
        return Computed(
            uuid=process.uuid,
            output=process.outputs.result.get_dict(),
            graph=self._graph().graph_of(process),
            again=again,
        )

    def export(self, uuid: str, path: Path) -> None:
        """Write the archive of a process; ``path`` must not exist."""
        self._graph().export(self._orm.load_node(uuid), path)

    def _model_node(self) -> Any:
        label = f"conductivity_polynomial {self._model.version} {self._model.sha256[:16]}"
        node = self._query().append(self._orm.Dict, filters={"label": label}).first(flat=True)
        return node or self._orm.Dict(dict(self._model.content), label=label).store()

    def _query(self) -> Any:
        return self._orm.QueryBuilder()

    def _states(self) -> Any:
        from plumpy import ProcessState

        return ProcessState

    def _graph(self) -> Any:
        from nodes.aiida import _graph

        return _graph
