"""The language of ``--filter``: one Python expression about a message, over plain data only.

`simpleeval` evaluates it; what may stand in it is fixed here beforehand, and every step is counted,
so that no expression reads anything but the message or takes long.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, Final

import simpleeval

from labmesh.cli._filter_values import FUNCTIONS, Budget, FilterError, charged, operators
from labmesh.cli._output import Output
from messages.errors import ConfigurationError

MAX_LENGTH: Final = 1000
"""Characters of an expression; also keeps Python's parser from running out of stack."""

MAX_DEPTH: Final = 40
"""Levels of an expression; each takes a few frames of Python's stack."""

_ALLOWED: Final = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript,
    ast.Slice, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq,
    ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.IfExp,
    ast.Call, ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.comprehension,
)  # fmt: skip
_PLAIN: Final = (bool, int, float, str, bytes, type(None), dict, list, tuple, slice)


class Filter:
    """A yes or no about a message.

    Names are those of ``names`` (``m`` for the body of a message, ``header``, ``topic``). Parts of
    maps are reached by ``m.a.b`` or ``m["a"]``. There are comparisons, arithmetic, ``and or not``,
    ``in``, ``x if y else z``, lists, comprehensions, and the functions of `FUNCTIONS`; nothing
    else, no methods, no names that begin with ``_``.

    Args:
        text: The expression.
        names: What it may speak of.

    Raises:
        ConfigurationError: It is no expression, or one of what is not allowed.
    """

    def __init__(self, text: str, names: tuple[str, ...] = ("m", "header", "topic")) -> None:
        self.text = text
        self._names = names
        self._tree = self._parse(text)

    def __call__(self, **values: Any) -> bool:
        """Tell whether the message passes.

        Args:
            values: Plain data by name, as msgpack decodes it.

        Raises:
            FilterError: The expression makes no sense for this message, or takes too long.
        """
        try:
            return bool(_Evaluator(values).eval(self.text, self._tree.body))
        except FilterError:
            raise
        except KeyError as error:
            raise FilterError(f"no field {error}", where=self.text) from None
        except RecursionError:
            raise FilterError("too deep", where=self.text) from None
        except (
            ArithmeticError, AttributeError, IndexError, TypeError, ValueError,
            simpleeval.InvalidExpression,
        ) as error:  # fmt: skip
            raise FilterError(_short(error), where=self.text) from None

    def _parse(self, text: str) -> ast.Expression:
        if len(text) > MAX_LENGTH:
            raise self._mistake(f"it has {len(text)} characters, at most {MAX_LENGTH}")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._mistake(_short(error)) from None
        known = {*self._names, *FUNCTIONS}
        bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _stores(n)}
        called: set[ast.AST] = set()
        for node, depth in _walk(tree):
            if depth > MAX_DEPTH:
                raise self._mistake("it is nested too deep")
            self._check(node, known | bound, called)
        return tree

    def _check(self, node: ast.AST, known: set[str], called: set[ast.AST]) -> None:
        if not isinstance(node, _ALLOWED):
            raise self._mistake(f"{type(node).__name__} is not allowed")
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
                what = ast.unparse(node.func)[:40]
                raise self._mistake(f"{what}() is not among the functions {', '.join(FUNCTIONS)}")
            if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
                raise self._mistake(f"{node.func.id}() takes plain arguments")
            called.add(node.func)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise self._mistake(f'.{node.attr} is not allowed; write ["{node.attr}"]')
        elif isinstance(node, ast.comprehension) and node.is_async:
            raise self._mistake("async is not allowed")
        elif isinstance(node, ast.Constant) and not isinstance(node.value, _PLAIN):
            raise self._mistake(f"{node.value!r} is not allowed")
        elif isinstance(node, ast.Name):
            if node.id.startswith("_") or (_stores(node) and node.id in FUNCTIONS):
                raise self._mistake(f"the name {node.id} is not allowed")
            if node.id not in known:
                raise self._mistake(f"nothing is called {node.id}")
            if node.id in FUNCTIONS and node not in called:
                raise self._mistake(f"{node.id} is a function: {node.id}(...)")

    def _mistake(self, reason: str) -> ConfigurationError:
        names = ", ".join(self._names)
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return ConfigurationError(
            f"--filter {shown!r} cannot be used: {reason}",
            remedy=f"write a condition on {names}, such as {self._names[0]}.value > 300",
        )


class Chosen:
    """A filter over many items: what it cannot be asked of is left out, with one remark a reason.

    Args:
        out: Where remarks go.
        text: The expression, about ``names``.
        names: What it may speak of; by default ``m`` alone.
    """

    def __init__(self, out: Output, text: str, names: tuple[str, ...] = ("m",)) -> None:
        self._out = out
        self._filter = Filter(text, names)
        self._said: set[str] = set()

    def __call__(self, m: Any, **others: Any) -> bool:
        """Tell whether an item passes."""
        try:
            return self._filter(m=m, **others)
        except FilterError as error:
            if error.what not in self._said:
                self._said.add(error.what)
                what = others.get("topic", "an item")
                self._out.remark(f"{what} is left out, perhaps others: {error}")
            return False


class _Evaluator(simpleeval.EvalWithCompoundTypes):  # type: ignore[misc] # untyped
    """Evaluates one checked expression over one message, then is thrown away.

    A comprehension that fails leaves its names behind in a `simpleeval` evaluator.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        budget = Budget()
        super().__init__(
            operators=operators(budget),
            functions={name: charged(each, budget) for name, each in FUNCTIONS.items()},
            names=dict(values),
        )
        for name in self.functions.keys() - FUNCTIONS.keys():
            del self.functions[name]
        self.nodes[ast.Attribute] = self._field
        self._budget = budget

    def _eval(self, node: ast.AST) -> Any:
        self._budget.spend(1)
        return super()._eval(node)

    def _check_disallowed_items(self, item: Any) -> None:
        if not isinstance(item, _PLAIN):
            raise FilterError(f"{type(item).__name__} is not plain data")

    def _field(self, node: ast.Attribute) -> Any:
        """Return a field of a map: never an attribute of a Python object."""
        value = self._eval(node.value)
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise FilterError(f"no field '{node.attr}' in a {kind}", where=self.expr)
        return value[node.attr]


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Yield every node, a parent before its children, with its depth; without recursion."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _stores(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _short(error: BaseException) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    return text if len(text) <= 120 else text[:117] + "..."
