"""A workflow's graph as text, and for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from nodes.overlort._compiled import Compiled


def graph_text(compiled: Compiled) -> Iterator[str]:
    """Yield a line a step, in an order in which they may go."""
    steps = compiled.steps
    width = max(map(len, steps))
    for name, step in steps.items():
        section = step.section
        needs = ", ".join(each for each in steps if each in step.needs)
        words = [f"{name:<{width}}  {section.quantity}/{section.method}"]
        if needs:
            words.append(f"after {needs}")
        if step.for_each is not None:
            least = "all" if section.at_least is None else section.at_least
            words.append(f"for each, at least {least}")
        if section.when is not None:
            words.append(f"when {section.when}")
        if section.retry.tries > 1:
            words.append(f"{section.retry.tries} tries")
        if section.compensate:
            undo = ", ".join(f"{u.quantity}/{u.method}" for u in section.compensate)
            words.append(f"undone by {undo}")
        yield "; ".join(words)


def graph_dot(compiled: Compiled) -> Iterator[str]:
    """Yield the same as a graph for Graphviz."""
    steps = compiled.steps
    yield f'digraph "{compiled.workflow.name}" {{'
    yield "  rankdir=LR; node [shape=box];"
    for name, step in steps.items():
        section = step.section
        shape = ", peripheries=2" if step.for_each is not None else ""
        yield f'  {name} [label="{name}\\n{section.quantity}/{section.method}"{shape}];'
        for number, undo in enumerate(section.compensate):
            label = f"{undo.quantity}/{undo.method}"
            yield f'  {name}_undo{number} [label="{label}", style=dashed];'
            yield f"  {name} -> {name}_undo{number} [style=dashed, label=undo];"
    for name, step in steps.items():
        for each in steps:
            if each in step.needs:
                yield f"  {each} -> {name};"
    yield "}"
