"""The language of expressions: a small part of Python's, over plain data only.

``steps.assemble.data.batch_output[*].cell_info.sample``: parts of maps by dots, items of lists by
``[0]``, and ``[*]`` for every item. There are comparisons, arithmetic, ``and or not``, ``in``,
``x if y else z``, lists, comprehensions, and the functions of `FUNCTIONS`; nothing else, no
methods, no names that begin with ``_``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from messages.errors import LabmeshError
from nodes.overlort._functions import FUNCTIONS

MAX_LENGTH: Final = 1000
"""Characters of an expression; also keeps Python's parser from running out of stack."""

MAX_DEPTH: Final = 40
"""Levels of an expression; each takes a few frames of Python's stack."""

_ALLOWED: Final = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript,
    ast.Slice, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq,
    ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.IfExp,
    ast.Call, ast.List, ast.ListComp, ast.comprehension,
)  # fmt: skip

_EVERY: Final = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\[\s*\*\s*\]""")


class ExpressionError(LabmeshError):
    """A text is no expression, or has no value here."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that was found to be one.

    Attributes:
        text: As its author wrote it.
        tree: Its syntax; ``[*]`` is a subscript with an ellipsis.
    """

    text: str
    tree: ast.expr

    def uses(self, name: str) -> set[str]:
        """Return the fields of ``name`` that it speaks of: ``steps.mix.data`` uses ``mix``.

        ``*`` stands among them where it speaks of ``name`` as a whole.
        """
        found: set[str] = set()
        inside: set[ast.AST] = set()
        for node in ast.walk(self.tree):
            base = node.value if isinstance(node, ast.Attribute | ast.Subscript) else None
            if isinstance(base, ast.Name) and base.id == name:
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
                    inside.add(base)
                elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    found.add(str(node.slice.value))
                    inside.add(base)
        if any(
            isinstance(n, ast.Name) and n.id == name and n not in inside
            for n in ast.walk(self.tree)
        ):
            found.add("*")
        return found

    def names(self) -> set[str]:
        """Return the names that it reads and does not bind itself."""
        seen = [n for n in ast.walk(self.tree) if isinstance(n, ast.Name)]
        bound = {n.id for n in seen if isinstance(n.ctx, ast.Store)}
        return {n.id for n in seen} - bound - set(FUNCTIONS)


def parse(text: str, names: frozenset[str]) -> Expression:
    """Return the expression that ``text`` is, about ``names``.

    Raises:
        ExpressionError: It is none, or speaks of something else.
    """
    if len(text) > MAX_LENGTH:
        raise _mistake(text, f"it has {len(text)} characters, at most {MAX_LENGTH}")
    try:
        tree = ast.parse(_EVERY.sub(_ellipsis, text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise _mistake(text, f"it is no expression ({reason})") from None
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _stores(n)}
    called: set[ast.AST] = set()
    for node, depth in _walk(tree):
        if depth > MAX_DEPTH:
            raise _mistake(text, "it is nested too deep")
        _check(text, node, names | bound, called)
    return Expression(text.strip(), tree.body)


def _ellipsis(match: re.Match[str]) -> str:
    return match.group(1) or "[...]"


def _check(text: str, node: ast.AST, names: frozenset[str], called: set[ast.AST]) -> None:
    if not isinstance(node, _ALLOWED):
        raise _mistake(text, f"{_what(node)} is not allowed")
    if isinstance(node, ast.Call):
        called.add(_called(text, node))
    elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        raise _mistake(text, f".{node.attr} is not allowed")
    elif isinstance(node, ast.comprehension) and not isinstance(node.target, ast.Name):
        raise _mistake(text, "a comprehension has one name: [x.data for x in steps.cycle]")
    elif isinstance(node, ast.comprehension) and node.is_async:
        raise _mistake(text, "async is not allowed")
    elif isinstance(node, ast.Constant) and not _plain(node.value):
        raise _mistake(text, f"{node.value!r} is not allowed")
    elif isinstance(node, ast.Name):
        if node.id.startswith("_") or (_stores(node) and node.id in FUNCTIONS):
            raise _mistake(text, f"the name {node.id} is not allowed")
        if node.id in FUNCTIONS and node not in called:
            raise _mistake(text, f"{node.id} is a function: {node.id}(...)")
        if node.id not in names and node.id not in FUNCTIONS:
            near = get_close_matches(node.id, sorted(names), n=1)
            hint = f"did you mean {near[0]}" if near else f"there are {', '.join(sorted(names))}"
            raise _mistake(text, f"nothing is called {node.id} here; {hint}")


def _called(text: str, node: ast.Call) -> ast.Name:
    """Return the name of the function that is called."""
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        what = ast.unparse(node.func)[:40]
        raise _mistake(text, f"{what}() is not among the functions {', '.join(FUNCTIONS)}")
    name = node.func.id
    if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
        raise _mistake(text, f"{name}() takes plain arguments")
    least, most = FUNCTIONS[name].takes
    if not least <= len(node.args) <= most:
        many = str(least) if least == most else f"{least} to {most}"
        raise _mistake(text, f"{name}() takes {many} arguments, not {len(node.args)}")
    return node.func


def _mistake(text: str, reason: str) -> ExpressionError:
    shown = text if len(text) <= 80 else text[:77] + "..."
    return ExpressionError(f"${{{shown}}}: {reason}")


def _what(node: ast.AST) -> str:
    known = {ast.Dict: "a map in braces", ast.Lambda: "lambda", ast.JoinedStr: "an f-string"}
    return known.get(type(node), type(node).__name__)


def _plain(value: object) -> bool:
    return value is ... or value is None or isinstance(value, bool | int | float | str)


def _stores(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Yield every node, a parent before its children, with its depth; without recursion."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
