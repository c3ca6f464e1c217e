"""Handlers: from entity to planned step."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from labmesh.launch import _entities as entities
from labmesh.launch._document import Value
from labmesh.launch._plan import ExecutableProcess, HandlerStep, LogStep, Step
from labmesh.launch._read import Reader

Event = Literal["start", "exit", "output", "state", "shutdown"]
Handler = (
    entities.OnProcessStart
    | entities.OnProcessExit
    | entities.OnProcessIO
    | entities.OnStateTransition
    | entities.OnShutdown
)

NAMES: Final[dict[Event, str]] = {
    "start": "on_process_start",
    "exit": "on_process_exit",
    "output": "on_process_io",
    "state": "on_state_transition",
    "shutdown": "on_shutdown",
}
"""The actions by the event they wait for."""


def handler_step(entity: Handler, steps: tuple[Step, ...], reader: Reader) -> HandlerStep | None:
    """Return the handler as planned, None when what it waits for could not be read."""
    made: dict[str, Any] = {"steps": steps, "site": reader.scope.site, "position": entity.position}
    match entity:
        case entities.OnShutdown():
            for step in steps:
                if not isinstance(step, LogStep | ExecutableProcess):
                    reader.problems.add(
                        step.position,
                        "the launch is ending then: only log and executable make sense",
                        "take it out of on_shutdown",
                    )
            return HandlerStep(event="shutdown", process="", **made)
        case entities.OnStateTransition():
            state = reader.text(entity.state, "state", entities.STATES)
            return _of(entity.node, "node", "state", state, made, reader)
        case entities.OnProcessIO():
            return _of(entity.process, "process", "output", _pattern(entity, reader), made, reader)
        case entities.OnProcessStart():
            return _of(entity.process, "process", "start", "", made, reader)
    return _of(entity.process, "process", "exit", "", made, reader)


def _of(
    value: Value, key: str, event: Event, what: str | None, made: dict[str, Any], reader: Reader
) -> HandlerStep | None:
    process = reader.text(value, key)
    if process is None or what is None:
        return None
    return HandlerStep(
        **{**made, "event": event, "process": process, "what": what, "position": value.position}
    )


def _pattern(entity: entities.OnProcessIO, reader: Reader) -> str | None:
    text = reader.text(entity.pattern, "pattern")
    if text is None:
        return None
    try:
        re.compile(text)
    except re.error as error:
        at = entity.pattern.position
        reader.problems.add(at, f"not a regular expression: {error.msg} at {error.pos}")
        return None
    return text
