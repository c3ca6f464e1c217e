"""What an expression's value may look like, found without evaluating it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final

from nodes.overlort._expression import Expression
from nodes.overlort._functions import FUNCTIONS
from nodes.overlort._views import ANY, ListOf, View, kind, kind_of_json

Report = Callable[[str], None]
"""Hears what is wrong with an expression."""

_GIVES: Final = {
    "number": kind("number"),
    "integer": kind("integer"),
    "string": kind("string"),
    "boolean": kind("boolean"),
    "array": View((ListOf(ANY),)),
    "numbers": View((ListOf(kind("number")),)),
}


def infer(expression: Expression, names: Mapping[str, View], report: Report) -> View:
    """Return what an expression's value may look like.

    Args:
        expression: The expression.
        names: What its names may look like.
        report: Told of parts that cannot exist.
    """

    def told(words: str) -> None:
        report(f"${{{expression.text}}}: {words}")

    return _Inference(names, told).of(expression.tree)


class _Every:
    """Marks a view of what ``[*]`` stands for: the items are of it."""

    def __init__(self, item: View) -> None:
        self.item = item


class _Inference:
    def __init__(self, names: Mapping[str, View], report: Report) -> None:
        self._names = dict(names)
        self._report = report

    def of(self, node: ast.expr) -> View:
        """Return the view of a part; a list where it is many."""
        found = self._part(node)
        return View((ListOf(found.item),)) if isinstance(found, _Every) else found

    def _part(self, node: ast.expr) -> View | _Every:  # noqa: PLR0912 - one case a kind of syntax
        match node:
            case ast.Constant(value=value):
                return ANY if value is ... else kind(kind_of_json(value))
            case ast.Name(id=name):
                return self._names.get(name, ANY)
            case ast.Attribute(value=base, attr=name):
                return self._over(self._part(base), lambda view: self._field(view, name, base))
            case ast.Subscript(value=base, slice=ast.Constant(value=place)) if place is ...:
                return self._every(self._part(base), base)
            case ast.Subscript(value=base, slice=ast.Slice()):
                return self._part(base)
            case ast.Subscript(value=base, slice=ast.Constant(value=str(name))):
                return self._over(self._part(base), lambda view: self._field(view, name, base))
            case ast.Subscript(value=base, slice=place):
                self.of(place)
                return self._over(self._part(base), lambda view: self._item(view, base))
            case ast.BoolOp(values=parts):
                views = [self.of(part) for part in parts]
                return View(tuple(shape for view in views for shape in view.shapes))
            case ast.UnaryOp(op=op, operand=part):
                self.of(part)
                return kind("boolean") if isinstance(op, ast.Not) else kind("number")
            case ast.BinOp(left=left, op=op, right=right):
                views = [self.of(left), self.of(right)]
                if isinstance(op, ast.Add):
                    return views[0].with_all(views[1])
                return kind("number")
            case ast.Compare(left=left, comparators=others):
                for each in (left, *others):
                    self.of(each)
                return kind("boolean")
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                self.of(test)
                return self.of(body).with_all(self.of(otherwise))
            case ast.List(elts=parts):
                views = [self.of(part) for part in parts]
                shapes = tuple(shape for view in views for shape in view.shapes)
                return View((ListOf(View(shapes) if shapes else ANY),))
            case ast.ListComp(elt=part, generators=loops):
                return self._comprehension(part, loops)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, [self.of(each) for each in arguments])
        return ANY

    def _over(self, base: View | _Every, part: Callable[[View], View]) -> View | _Every:
        return _Every(part(base.item)) if isinstance(base, _Every) else part(base)

    def _every(self, base: View | _Every, node: ast.expr) -> _Every:
        view = base.item if isinstance(base, _Every) else base
        item = view.item()
        if item is None:
            self._report(f"{_text(node)} is no list, so [*] of it makes no sense")
            return _Every(ANY)
        return _Every(item)

    def _field(self, view: View, name: str, base: ast.expr) -> View:
        found = view.field(name)
        if found is not None:
            return found
        if view.item() is not None:
            self._report(
                f"{_text(base)} is a list; write {_text(base)}[*].{name} for all of its items"
            )
            return ANY
        known = view.field_names()
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}" if near else (
            f"there are {', '.join(known[:12])}" if known else "it has no fields"
        )  # fmt: skip
        self._report(f"{_text(base)} has no {name}; {hint}")
        return ANY

    def _item(self, view: View, base: ast.expr) -> View:
        kinds = view.kinds()
        if kinds is None or "object" in kinds:
            return view.item() or ANY
        found = view.item()
        if found is None and "string" not in kinds:
            self._report(f"{_text(base)} is no list, so it has no items")
        return found or ANY

    def _comprehension(self, part: ast.expr, loops: list[ast.comprehension]) -> View:
        before = dict(self._names)
        for loop in loops:
            source = self.of(loop.iter)
            item = source.item()
            if item is None:
                self._report(f"{_text(loop.iter)} is no list")
            if isinstance(loop.target, ast.Name):
                self._names[loop.target.id] = item or ANY
            for test in loop.ifs:
                self.of(test)
        found = self.of(part)
        self._names = before
        return View((ListOf(found),))

    def _call(self, name: str, given: list[View]) -> View:
        gives = FUNCTIONS[name].gives
        if gives == "first":
            if name == "merge":
                return View(tuple(shape for view in given for shape in view.shapes))
            if name == "resolved" and given[0].item() is None:
                return View((ListOf(given[0]),))
            return given[0]
        if gives == "item":
            return given[0].item() or ANY
        return _GIVES[gives]


def _text(node: ast.expr) -> str:
    return ast.unparse(node).replace("[...]", "[*]")
