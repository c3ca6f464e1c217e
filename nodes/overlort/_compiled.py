"""A workflow with its expressions parsed and its steps in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from labmesh.yaml_lines import Place
from nodes.overlort._definition import (
    AskSection,
    CompensationSection,
    StateSection,
    StepSection,
    Workflow,
)
from nodes.overlort._template import (
    ITEM,
    Literal,
    Template,
    TemplateError,
    compile_expression,
    compile_template,
    expressions,
)

BASE: Final = frozenset({"input", "let", "workflow"})
STEP: Final = BASE | {"steps"}
EXPECT: Final = STEP | ITEM | {"data", "rating", "samples"}
UNDO: Final = STEP | ITEM | {"this"}
ANSWER: Final = STEP
RATING: Final = STEP | {"answer"}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, compiled."""

    section: AskSection
    place: Place
    parameters: Template
    when: Template | None
    sample: Template | None
    state: Template | None

    def templates(self) -> Iterator[Template]:
        """Yield all of its templates."""
        yield self.parameters
        yield from (t for t in (self.when, self.sample, self.state) if t is not None)


@dataclass(frozen=True, slots=True)
class Undo(Ask):
    """A compensation, compiled."""

    section: CompensationSection


@dataclass(frozen=True, slots=True)
class Step(Ask):
    """A step, compiled."""

    section: StepSection
    name: str
    for_each: Template | None
    at_least: Template | None
    expect: Template | None
    otherwise: Template | None
    compensate: tuple[Undo, ...]

    @property
    def needs(self) -> set[str]:
        """The steps that must be over first."""
        own = [*self.templates()]
        own += [
            t for t in (self.for_each, self.at_least, self.expect, self.otherwise) if t is not None
        ]
        found = {name for t in own for e in expressions(t) for name in e.uses("steps")}
        return found | set(self.section.after)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A workflow, ready to run.

    Attributes:
        workflow: As its file says it.
        let: Values by name, in their order.
        steps: In an order in which each comes after what it needs.
        answer: Template of the answer.
        rating: Templates of success, rating and reason.
    """

    workflow: Workflow
    let: dict[str, Template]
    steps: dict[str, Step]
    answer: Template
    rating: dict[str, Template]


def compile_workflow(workflow: Workflow) -> Compiled:
    """Return a workflow with its expressions parsed.

    Raises:
        TemplateError: The first mistake in an expression or in the graph, with its place.
    """
    mistakes: list[TemplateError] = []
    compiled = compile_leniently(workflow, mistakes)
    if compiled is None:
        raise mistakes[0]
    return compiled


def compile_leniently(workflow: Workflow, mistakes: list[TemplateError]) -> Compiled | None:
    """As `compile_workflow`, but put every mistake into ``mistakes``; None where there is one."""
    before = len(mistakes)
    let: dict[str, Template] = {}
    steps: dict[str, Step] = {}
    rating: dict[str, Template] = {}
    answer: Template = Literal(None)
    for name, value in workflow.let.items():
        with _collected(mistakes):
            let[name] = compile_template(value, BASE, ("let", name))
    for name, section in workflow.steps.items():
        with _collected(mistakes):
            steps[name] = _step(name, section)
    with _collected(mistakes):
        answer = compile_template(workflow.answer, ANSWER, ("answer",))
    if (said := workflow.rating) is not None:
        with _collected(mistakes):
            rating = {
                "success": compile_expression(said.success, RATING, ("rating", "success")),
                "rating": compile_expression(said.rating, RATING, ("rating", "rating")),
                "reason": compile_template(said.reason, RATING, ("rating", "reason")),
            }
    if len(mistakes) > before:
        return None
    mistakes += _strangers(steps, answer, rating)
    ordered = _ordered(steps, mistakes)
    if len(mistakes) > before:
        return None
    return Compiled(workflow, let, ordered, answer, rating)


@contextmanager
def _collected(mistakes: list[TemplateError]) -> Iterator[None]:
    try:
        yield
    except TemplateError as error:
        mistakes.append(error)


def _strangers(
    steps: dict[str, Step], answer: Template, rating: dict[str, Template]
) -> list[TemplateError]:
    """Return the mistakes of those who speak of steps that are not there."""
    said: list[tuple[set[str], Place]] = [(step.needs, step.place) for step in steps.values()]
    said += [
        (_spoken_of(template), place)
        for step in steps.values()
        for template, place in undoing(step)
    ]
    said.append((_spoken_of(answer), ("answer",)))
    said += [(_spoken_of(template), ("rating", name)) for name, template in rating.items()]
    return [
        TemplateError(unknown_step(name, steps), place)
        for names, place in said
        for name in sorted(names - steps.keys())
    ]


def _spoken_of(template: Template) -> set[str]:
    return {name for each in expressions(template) for name in each.uses("steps")}


def _ordered(steps: dict[str, Step], mistakes: list[TemplateError]) -> dict[str, Step]:
    graph = {name: step.needs & steps.keys() for name, step in steps.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        mistakes.append(
            TemplateError(
                f"the steps wait for one another: {' -> '.join(circle)}", ("steps", circle[0])
            )
        )
        return {}
    # Among equals the file's own order, so that the same file always goes the same way.
    rank = {name: position for position, name in enumerate(steps)}
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[n] for n in graph[name]), default=-1)
    return {name: steps[name] for name in sorted(steps, key=lambda n: (depth[n], rank[n]))}


def undoing(step: Step) -> Iterator[tuple[Template, Place]]:
    """Yield the templates of a step's compensations, with their place."""
    for undo in step.compensate:
        for template in undo.templates():
            yield template, undo.place


def unknown_step(name: str, steps: dict[str, Step]) -> str:
    """Return what is wrong with a step that is spoken of, and is not there."""
    if name == "*":
        return "speak of one step, as in steps.NAME"
    return f"there is no step {name}; there are {', '.join(steps)}"


def _step(name: str, section: StepSection) -> Step:
    place: Place = ("steps", name)
    fans = section.for_each is not None
    names = STEP | ITEM if fans else STEP
    expect = section.expect
    return Step(
        **_ask(section, names, place),
        name=name,
        for_each=compile_expression(section.for_each, STEP, (*place, "for_each")) if fans else None,
        at_least=None
        if section.at_least is None
        else compile_expression(section.at_least, STEP, (*place, "at_least")),
        expect=compile_expression(expect.that, EXPECT, (*place, "expect", "that"))
        if expect
        else None,
        otherwise=compile_template(expect.otherwise, EXPECT, (*place, "expect", "otherwise"))
        if expect
        else None,
        compensate=tuple(
            Undo(**_ask(undo, UNDO, (*place, "compensate", number)))
            for number, undo in enumerate(section.compensate)
        ),
    )


def _ask(section: AskSection, names: frozenset[str], place: Place) -> dict[str, Any]:
    state = section.from_state
    sample = state.sample if isinstance(state, StateSection) else state
    return {
        "section": section,
        "place": place,
        "parameters": compile_template(section.parameters, names, (*place, "parameters")),
        "when": None
        if section.when is None
        else compile_expression(section.when, names, (*place, "when")),
        "sample": None
        if sample is None
        else compile_template(sample, names, (*place, "from_state")),
        "state": compile_expression(state.state, names, (*place, "from_state", "state"))
        if isinstance(state, StateSection)
        else None,
    }
