"""Parameters that an action sets for all nodes that follow in its scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._programs import load_parameters_model
from messages.errors import LabmeshError


@dataclass(slots=True, eq=False)
class Inherited:
    """One ``set_parameter``: its value, and which nodes it met.

    Attributes:
        name: The parameter's name.
        value: Its value.
        name_position: Where the name stands.
        position: Where the value stands.
        taken: Whether a node knew it.
        unsure: Whether a node could not be asked.
        known: The names of the parameters of those that did not know it.
    """

    name: str
    value: Any
    name_position: Position
    position: Position
    taken: bool = False
    unsure: bool = False
    known: set[str] = field(default_factory=set)

    def meet(self, run: str) -> bool:
        """Return whether the node that ``run`` names takes it."""
        try:
            names = set(load_parameters_model(run).model_fields)
        except LabmeshError:
            self.unsure = True  # the check says why, where that node has to be here
            return False
        if self.name.partition(".")[0] in names:
            self.taken = True
            return True
        self.known |= names
        return False

    def check(self, problems: Problems) -> None:
        """Report it when nodes follow and none of them knows it."""
        if self.known and not self.taken and not self.unsure:
            problems.add(
                self.name_position,
                f"no node that follows has a parameter {self.name!r}",
                did_you_mean(self.name, self.known),
            )
