"""What a launch file that comes from elsewhere may do: a launch file is code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from labmesh.launch._plan import ExecutableProcess, Plan
from labmesh.launch._problem import Position, Problems
from labmesh.node import node_programs
from messages.errors import ConfigurationError

LIMITS_VARIABLE: Final = "LABMESH_LAUNCH_LIMITS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a launch, checked with every plan it takes, those of reloads too.

    Attributes:
        root: No file outside this folder is read.
        executables: Whether ``executable`` actions are taken.
        programs: Installed nodes that may run; empty for all of them. ``module:Class`` never.
        modules: Whether ``module:Class`` may run all the same.
        environment: Environment variables that may be set. Some are code (LD_PRELOAD, PYTHONPATH).
    """

    root: Path
    executables: bool = False
    programs: tuple[str, ...] = ()
    modules: bool = False
    environment: tuple[str, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `as_dict` gave, as JSON.

        Raises:
            ConfigurationError: It cannot be read, or is something else.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                root=Path(content["root"]),
                executables=content["executables"] is True,
                programs=tuple(map(str, content["programs"])),
                modules=content["modules"] is True,
                environment=tuple(map(str, content["environment"])),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"holds no limits of a launch: {error!r}", where=str(file)
            ) from error

    @classmethod
    def of_environment(cls) -> Self | None:
        """Return the limits in the file that LABMESH_LAUNCH_LIMITS names; None: there are none.

        A variable, because every process that reads launch files for a launch shall have them.

        Raises:
            ConfigurationError: As `read`.
        """
        named = os.environ.get(LIMITS_VARIABLE)
        return cls.read(Path(named)) if named else None

    def as_dict(self) -> Mapping[str, Any]:
        """Return the limits as plain data."""
        return {
            "root": str(self.root),
            "executables": self.executables,
            "programs": list(self.programs),
            "modules": self.modules,
            "environment": list(self.environment),
        }

    def check(self, plan: Plan, problems: Problems) -> None:
        """Report what the plan does beyond them. Give it only the part that would run here."""
        for node in plan.nodes():
            self._check_program(node.run, node.run_position, problems)
            # Those that a container is given as its parameter, too.
            given = node.parameters.get("components")
            for index, inside in enumerate(given if isinstance(given, list) else ()):
                run = inside.get("run") if isinstance(inside, dict) else None
                at = node.where.get(("components", index, "run"), node.position)
                self._check_program(str(run), at, problems)
        for process in plan.processes():
            if isinstance(process, ExecutableProcess) and not self.executables:
                problems.add(
                    process.position,
                    f"executable {process.name!r} is not allowed here",
                    "the agent's parameter executables would allow it",
                )
            for name in sorted(set(process.env) - set(self.environment)):
                problems.add(
                    process.position,
                    f"environment variable {name} of {process.name!r} is not allowed here",
                    "name it in the agent's parameter environment",
                )

    def _check_program(self, run: str, at: Position, problems: Problems) -> None:
        programs = self.programs or tuple(node_programs())
        if run not in programs and not (self.modules and ":" in run):
            problems.add(
                at,
                f"program {run!r} is not allowed here",
                f"allowed: {', '.join(sorted(programs))}",
            )
