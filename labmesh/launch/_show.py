"""A plan and its arguments as text for people."""

from __future__ import annotations

from typing import Any

import yaml

from labmesh.launch._plan import (
    ExecutableProcess,
    HandlerStep,
    LogStep,
    NodeProcess,
    Plan,
    Process,
    ShutdownStep,
    Step,
    TimerStep,
    TransitionStep,
    masked,
)
from labmesh.launch._substitute import as_text


def show_plan(plan: Plan) -> str:
    """Return what a launch would do, one line a step, details below it."""
    lines = [f"{plan.file}", f"  realm {plan.realm}, site {plan.site}"]
    lines += [f"  {a.name} := {_value(a.value)}" for a in plan.arguments]
    for broker in plan.brokers:
        where = masked(broker.url) if broker.url else f"embedded, port {broker.port or 'free'}"
        if broker.bridging:
            where += f", bridged to {broker.bridging.hub}"
        lines.append(f"MQTT broker{f' of {broker.site}' if broker.site else ''}: {where}")
    return "\n".join([*lines, *_steps(plan.steps, "")]) + "\n"


def show_arguments(plan: Plan) -> str:
    """Return the arguments of the plan's file: name, type, default or value, choices, words."""
    if not plan.arguments:
        return "no arguments\n"
    lines = []
    for argument in plan.arguments:
        value = "required" if argument.required else f"{argument.name}:={_value(argument.value)}"
        choices = (
            f", one of {', '.join(map(as_text, argument.choices))}" if argument.choices else ""
        )
        lines.append(f"{argument.name} ({argument.type}{choices}; {value})")
        if argument.description:
            lines.append(f"    {argument.description}")
    return "\n".join(lines) + "\n"


def _steps(steps: tuple[Step, ...], indent: str) -> list[str]:
    lines: list[str] = []
    for step in steps:
        if isinstance(step, Process):
            lines += [indent + line for line in _process(step)]
        elif isinstance(step, LogStep):
            lines.append(f"{indent}log {step.level}: {step.message}")
        elif isinstance(step, ShutdownStep):
            lines.append(f"{indent}shutdown {step.reason}".rstrip())
        elif isinstance(step, TransitionStep):
            lines.append(f"{indent}transition {step.transition} of {step.node}")
        elif isinstance(step, TimerStep):
            lines.append(f"{indent}after {step.delay:g} s:")
            lines += _steps(step.steps, indent + "  ")
        elif isinstance(step, HandlerStep):
            of = f" of {step.process}" if step.process else ""
            what = f" {step.what!r}" if step.what else ""
            lines.append(f"{indent}on {step.event}{what}{of}:")
            lines += _steps(step.steps, indent + "  ")
    return lines


def _process(step: NodeProcess | ExecutableProcess) -> list[str]:
    lines = [f"node {step.id}: {step.run}"] if isinstance(step, NodeProcess) else []
    if isinstance(step, ExecutableProcess):
        lines = [f"executable {step.id}: {' '.join(step.command)}", f"  in {step.cwd}"]
    lines += [f"  after {d.process}: {d.state}" for d in step.after]
    if isinstance(step, NodeProcess):
        lines += [
            f"  {what} {v}" for what, v in (("ledger", step.ledger), ("clock", step.clock)) if v
        ]
        lines += [] if step.autostart else ["  waits unconfigured"]
        lines += [f"  {name} = {_value(value)}" for name, value in step.parameters.items()]
        lines += [f"  {name} is {target}" for name, target in step.remap.items()]
    lines += [f"  env {name}={value}" for name, value in step.env.items()]
    if step.respawn:
        limit = "" if step.respawn.max_retries is None else f", at most {step.respawn.max_retries}"
        when = "" if step.respawn.when == "exit" else " when killed"
        lines.append(f"  respawn after {step.respawn.delay:g} s{when}{limit}")
    if step.on_exit != "ignore":
        lines.append(f"  on exit: {step.on_exit}")
    if step.output != "both":
        lines.append(f"  output: {step.output}")
    for component in step.components if isinstance(step, NodeProcess) else ():
        lines += [f"  {line}" for line in _process(component)]
    return lines


def _value(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
