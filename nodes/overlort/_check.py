"""The check of a workflow before anything starts: does every value fit where it goes?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from labmesh.yaml_lines import Lines, Place, dotted, line_of
from messages.errors import LabmeshError
from messages.ledger import Rating, SampleStep
from messages.schema import json_schema
from nodes.overlort._compiled import Ask, Compiled, Step, compile_leniently
from nodes.overlort._definition import Workflow
from nodes.overlort._infer import infer
from nodes.overlort._schemas import Catalogue, EndsOf, Key, without_bytes
from nodes.overlort._template import (
    Each,
    Fields,
    Items,
    Literal,
    Mixed,
    Template,
    TemplateError,
    Whole,
)
from nodes.overlort._views import ANY, ListOf, Record, View, described, kind, kind_of_json

_NUMBERS: Final = frozenset({"number", "integer"})
_KINDS: Final = {
    "object": "a map", "array": "a list", "string": "a text", "number": "a number",
    "integer": "a whole number", "boolean": "true or false", "null": "nothing",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a workflow.

    Attributes:
        place: Where in the file.
        what: What it is.
        remedy: What to do about it.
    """

    place: Place
    what: str
    remedy: str = ""

    def at(self, lines: Lines, path: str | Path) -> str:
        """Return it with file, line and field, as other programs can jump to it."""
        more = f"; {self.remedy}" if self.remedy else ""
        return f"{path}:{line_of(lines, self.place)}: {dotted(self.place)}: {self.what}{more}"


def check(workflow: Workflow, catalogue: Catalogue | None = None) -> list[Mistake]:
    """Return every mistake of a workflow, in the order of its graph.

    Args:
        workflow: What to check.
        catalogue: The capabilities of a live lab; another is a mistake then. Without it only those
            of Labmesh's own vocabulary are compared, and `strangers` names the others.
    """
    return _Check(workflow, catalogue or Catalogue.common(), strict=catalogue is not None).all()


def strangers(workflow: Workflow) -> list[str]:
    """Return the capabilities that only a live lab can tell of."""
    known = Catalogue.common().known
    return ["/".join(key) for key in workflow.asks if key not in known]


def not_offered(workflow: Workflow, offered: Set[Key]) -> list[Mistake]:
    """Return what a live lab lacks: steps whose capability nobody offers at present."""
    return [
        Mistake(
            ("steps", name),
            f"nobody offers {step.quantity}/{step.method} at present",
            "start a node that offers it: labmesh capability list shows what is offered",
        )
        for name, step in workflow.steps.items()
        if (step.quantity, step.method) not in offered
    ]


def in_words(mistakes: list[Mistake], lines: Lines | None = None, path: str | Path = "") -> str:
    """Return mistakes as text, a line each."""
    if lines is None:
        return "\n".join(f"{dotted(m.place)}: {m.what}" for m in mistakes)
    return "\n".join(mistake.at(lines, path) for mistake in mistakes)


class _Check:
    def __init__(self, workflow: Workflow, catalogue: Catalogue, *, strict: bool) -> None:
        self._workflow = workflow
        self._strict = strict
        self._catalogue = catalogue
        self._found: list[Mistake] = []
        self._names: dict[str, View] = {}

    def all(self) -> list[Mistake]:
        self._capabilities()
        wrong: list[TemplateError] = []
        compiled = compile_leniently(self._workflow, wrong)
        self._found += [Mistake(error.place, error.what) for error in wrong]
        if compiled is not None:
            self._values(compiled)
        return list(dict.fromkeys(self._found))

    def _wrong(self, place: Place, what: str, remedy: str = "") -> None:
        self._found.append(Mistake(place, what, remedy))

    # Names.

    def _capabilities(self) -> None:
        for name, step in self._workflow.steps.items():
            self._known((step.quantity, step.method), ("steps", name, "method"))
            for number, undo in enumerate(step.compensate):
                place = ("steps", name, "compensate", number, "method")
                self._known((undo.quantity, undo.method), place)
            if step.parallel is not None and step.for_each is None:
                self._wrong(
                    ("steps", name, "parallel"),
                    "nothing is parallel without for_each",
                    "leave it out",
                )
        asked = {"/".join(key) for key in self._workflow.asks}
        for name in self._workflow.prices.capabilities:
            if name not in asked:
                self._wrong(
                    ("prices", "capabilities", name), f"no step asks for {name}",
                    f"there are {', '.join(sorted(asked))}",
                )  # fmt: skip

    def _known(self, key: Key, place: Place) -> None:
        if self._catalogue.get(key) is not None or not self._strict:
            return
        name = "/".join(key)
        near = get_close_matches(name, ["/".join(each) for each in self._catalogue.known], n=1)
        self._wrong(
            place, f"no capability {name} is known",
            f"did you mean {near[0]}" if near else "labmesh capability list shows those there are",
        )  # fmt: skip

    # Values.

    def _values(self, compiled: Compiled) -> None:
        try:
            ends = EndsOf(compiled.workflow)
        except LabmeshError as error:
            self._wrong(("serves",), error.what.removeprefix("serves: "), error.remedy)
            return
        text = kind("string")
        self._names = {
            "input": described(ends.input_schema),
            "workflow": View((Record({"name": text, "request": text,
                                      "campaign": kind("string", "null")}),)),
            "let": View((Record({}),)),
            "steps": View((Record({}),)),
        }  # fmt: skip
        let: dict[str, View] = {}
        for name, template in compiled.let.items():
            let[name] = self._view(template, self._names, ("let", name))
            self._names["let"] = View((Record(dict(let)),))
        records: dict[str, View] = {}
        for name, step in compiled.steps.items():
            records[name] = self._step(step)
            self._names["steps"] = View((Record(dict(records)),))
        for step in compiled.steps.values():
            self._undoing(step, records[step.name])
        self._fits(compiled.answer, described(ends.output_schema), self._names, ("answer",))
        if compiled.rating:
            names = {**self._names, "answer": described(ends.output_schema)}
            for name, template in compiled.rating.items():
                view = self._view(template, names, ("rating", name))
                if name == "rating":
                    self._of_kind(view, {"number"}, ("rating", name))

    def _step(self, step: Step) -> View:
        names, item = self._names, kind("null")
        if step.for_each is not None:
            place = (*step.place, "for_each")
            source = self._view(step.for_each, names, place)
            found = source.item()
            if found is None:
                self._wrong(place, f"gives {_words(source)} where a list belongs")
            item = found or ANY
            names = {**names, "item": item, "index": kind("integer")}
        if step.at_least is not None:
            at_least = self._view(step.at_least, self._names, (*step.place, "at_least"))
            self._of_kind(at_least, {"number"}, (*step.place, "at_least"))
        output = self._ask(step, names)
        record = self._record(output, item)
        if step.expect is not None and step.otherwise is not None:
            fields = {name: record.field(name) or ANY for name in ("data", "rating", "samples")}
            seen = {**names, "item": item, "index": kind("integer"), **fields}
            self._view(step.expect, seen, (*step.place, "expect", "that"))
            self._view(step.otherwise, seen, (*step.place, "expect", "otherwise"))
        return View((ListOf(record),)) if step.for_each is not None else record

    def _undoing(self, step: Step, record: View) -> None:
        one = (record.item() or ANY) if step.for_each is not None else record
        item = one.field("item") or ANY
        names = {**self._names, "item": item, "index": kind("integer"), "this": one}
        for undo in step.compensate:
            self._ask(undo, names)

    def _ask(self, ask: Ask, names: Mapping[str, View]) -> View:
        """Check what is asked; return what its answer may look like."""
        if ask.when is not None:
            self._view(ask.when, names, (*ask.place, "when"))
        if ask.sample is not None:
            place = (*ask.place, "from_state")
            self._of_kind(self._view(ask.sample, names, place), {"string"}, place)
        if ask.state is not None:
            place = (*ask.place, "from_state", "state")
            self._of_kind(self._view(ask.state, names, place), {"number"}, place)
        ends = self._catalogue.get((ask.section.quantity, ask.section.method))
        wanted = described(ends.input) if ends is not None else ANY
        self._fits(ask.parameters, wanted, names, (*ask.place, "parameters"))
        return described(ends.output) if ends is not None else ANY

    def _record(self, output: View, item: View) -> View:
        text, perhaps = kind("string"), kind("string", "null")
        rating = described(json_schema(Rating)).with_all(kind("null"))
        return View((Record({
            "status": text, "item": item, "index": kind("integer"), "tries": kind("integer"),
            "message": text, "request": perhaps, "worker": perhaps, "result": perhaps,
            "data": output, "rating": rating,
            "samples": View((ListOf(described(json_schema(SampleStep))),)),
        }),))  # fmt: skip

    # Templates.

    def _view(self, template: Template, names: Mapping[str, View], place: Place) -> View:
        """Return what a template's value may look like; note down what cannot exist."""
        match template:
            case Literal(value=value):
                return kind(kind_of_json(value))
            case Whole(expression=expression):
                return infer(expression, names, lambda words: self._wrong(place, words))
            case Mixed(parts=parts):
                for part in parts:
                    if not isinstance(part, str):
                        view = infer(part, names, lambda words: self._wrong(place, words))
                        if (view.kinds() or {"string"}) <= {"object", "array"}:
                            self._wrong(
                                place, f"${{{part.text}}} gives {_words(view)}, which cannot stand "
                                "within a text",
                            )  # fmt: skip
                return kind("string")
            case Fields(fields=fields):
                return View(
                    (Record({k: self._view(v, names, (*place, k)) for k, v in fields.items()}),)
                )
            case Items(items=items):
                views = [self._view(each, names, (*place, n)) for n, each in enumerate(items)]
                shapes = tuple(shape for view in views for shape in view.shapes)
                return View((ListOf(View(shapes) if shapes else ANY),))
            case Each():
                inner = self._inside(template, names, place)
                return View((ListOf(self._view(template.give, inner, (*place, "$give"))),))

    def _inside(
        self, template: Each, names: Mapping[str, View], place: Place
    ) -> Mapping[str, View]:
        source = self._view(template.source, names, (*place, "$for_each"))
        item = source.item()
        if item is None:
            self._wrong((*place, "$for_each"), f"gives {_words(source)} where a list belongs")
        inner = {**names, "item": item or ANY, "index": kind("integer")}
        if template.when is not None:
            self._view(template.when, inner, (*place, "$when"))
        return inner

    def _fits(
        self, template: Template, wanted: View, names: Mapping[str, View], place: Place
    ) -> None:
        """Note down where a template's value cannot be what is wanted."""
        match template:
            case Fields(fields=fields) if _may_be(wanted, "object"):
                self._fields(fields, wanted, names, place)
            case Items(items=items) if _may_be(wanted, "array"):
                for number, each in enumerate(items):
                    self._fits(each, wanted.item() or ANY, names, (*place, number))
            case Each() if _may_be(wanted, "array"):
                inner = self._inside(template, names, place)
                self._fits(template.give, wanted.item() or ANY, inner, (*place, "$give"))
            case Literal(value=value):
                self._literal(value, wanted, place)
            case _:
                self._of_view(self._view(template, names, place), wanted, place)

    def _fields(
        self,
        fields: Mapping[str, Template],
        wanted: View,
        names: Mapping[str, View],
        place: Place,
    ) -> None:
        for name, template in fields.items():
            view = wanted.field(name)
            if view is None:
                known = wanted.field_names()
                near = get_close_matches(name, known, n=1)
                self._wrong(
                    (*place, name), f"there is no {name} in {_what(place)}",
                    f"did you mean {near[0]}" if near else f"there are {', '.join(known[:20])}",
                )  # fmt: skip
                continue
            self._fits(template, view, names, (*place, name))
        missing = [name for name in wanted.required() if name not in fields]
        if missing:
            self._wrong(place, f"{', '.join(missing)} {_are(missing)} missing", "give a value")

    def _literal(self, value: Any, wanted: View, place: Place) -> None:
        schema = wanted.schema()
        if schema is None:
            self._of_view(kind(kind_of_json(value)), wanted, place)
            return
        for error in _complaints(schema, value):
            self._wrong(place, error)
            return

    def _of_view(self, view: View, wanted: View, place: Place) -> None:
        kinds = wanted.kinds()
        if kinds is not None:
            self._of_kind(view, kinds, place)

    def _of_kind(self, view: View, wanted: Set[str], place: Place) -> None:
        kinds = view.kinds()
        # What may be nothing is left out then; whether it may be left out the ledger knows.
        given = None if kinds is None else kinds - {"null"}
        if given and not given & _widened(wanted):
            self._wrong(place, f"gives {_listed(given)} where {_listed(wanted)} belongs")


def _complaints(schema: dict[str, Any], value: Any) -> Iterator[str]:
    try:
        validator = jsonschema_rs.validator_for(
            schema, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError:
        return
    for error in validator.iter_errors(without_bytes(value)):
        yield str(error.message)


def _widened(kinds: Set[str]) -> Set[str]:
    return kinds | _NUMBERS if kinds & _NUMBERS else kinds


def _may_be(view: View, word: str) -> bool:
    kinds = view.kinds()
    return kinds is None or word in kinds


def _words(view: View) -> str:
    kinds = view.kinds()
    return "something" if not kinds else _listed(kinds)


def _listed(kinds: Set[str]) -> str:
    return " or ".join(_KINDS.get(each, each) for each in sorted(kinds - {"null"}) or ["null"])


def _what(place: Place) -> str:
    return "the answer" if place[:1] == ("answer",) else "the capability's parameters"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
