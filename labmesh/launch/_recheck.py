"""Resolves and checks a launch file in a process of its own: ``python -m labmesh.launch._recheck``.

A running launch has imported its nodes long ago; what they declare now, only a new process sees.
And whatever a launch file's own code does, it does not do to the launch. Both ways the content is
a pickle: the two are one program, parent and child.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from labmesh.launch._coverage import missing_capabilities
from labmesh.launch._load import declared_arguments, load_plan
from labmesh.launch._plan import Plan
from labmesh.launch._problem import LaunchError, Problem
from labmesh.launch._programs import takes_parameters
from labmesh.launch._world import World
from messages.errors import ConfigurationError

_SECONDS: Final = 60.0
"""For resolving and checking; the import of a large library alone may take ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to resolve.

    Attributes:
        file: The launch file.
        kept: Arguments given before; those that the file no longer has are left out.
        arguments: Arguments given now, which win.
        world: What the launch file saw outside itself when the launch began.
        only_site: As for `load_plan`.
        held: TCP ports that the launch itself holds.
    """

    file: Path
    kept: Mapping[str, Any]
    arguments: Mapping[str, Any]
    world: World
    only_site: str | None
    held: Collection[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The checked plan, or what is wrong.

    Attributes:
        plan: None where there are problems.
        problems: Mistakes of the file.
        warnings: As `missing_capabilities` has them.
        takes: By what a node runs, the parameters that it takes over while it runs.
    """

    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    takes: Mapping[str, frozenset[str]] = field(default_factory=dict)


async def recheck(question: Question) -> Answer:
    """Have a new process answer.

    Raises:
        ConfigurationError: It crashed (the last line it said is named) or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, said = await process.communicate(pickle.dumps(question))
    except TimeoutError:
        raise ConfigurationError(
            f"reading it took more than {_SECONDS:g} s", where=str(question.file)
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = (said.decode(errors="replace").strip().splitlines() or [""])[-1]
        raise ConfigurationError(
            f"reading it ended with code {process.returncode}: {last}", where=str(question.file)
        )
    return cast("Answer", pickle.loads(out))  # noqa: S301 - from our own child


def answer(question: Question) -> Answer:
    """Resolve and check."""
    try:
        known = {a.name for a in declared_arguments(question.file, question.arguments).arguments}
        kept = {name: value for name, value in question.kept.items() if name in known}
        plan = load_plan(
            question.file,
            {**kept, **question.arguments},
            only_site=question.only_site,
            world=replace(question.world, files=[]),
            held=question.held,
        )
    except LaunchError as error:
        return Answer(problems=error.problems)
    return Answer(
        plan=plan,
        warnings=missing_capabilities(plan),
        takes={node.run: takes_parameters(node.run) for node in plan.nodes()},
    )


def main() -> None:
    """Answer the question on standard input; what the file's code prints goes elsewhere."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        question = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
        pickle.dump(answer(question), out)


if __name__ == "__main__":
    # Not as __main__, so that both sides mean the same classes.
    import_module("labmesh.launch._recheck").main()
