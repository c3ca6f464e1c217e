"""The value of an expression."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from nodes.overlort._expression import Expression, ExpressionError
from nodes.overlort._functions import FUNCTIONS, kind_of

MAX_STEPS: Final = 200_000
"""Parts evaluated and items looked at for one expression: some tenths of a second."""

MAX_BITS: Final = 2048
"""Size of an integer; a larger one is a mistake or an attack."""

MAX_ITEMS: Final = 10_000
"""Characters of a text or items of a list that ``+`` makes."""

_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.eq, ast.IsNot: operator.ne,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_REFUSES: Final = (
    ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError, ValidationError,
)  # fmt: skip


def evaluate(expression: Expression, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    What is absent is nothing, and so is every part of it.

    Args:
        expression: What to evaluate.
        names: Plain data by name.

    Raises:
        ExpressionError: It makes no sense for these values, or takes too long.
    """
    try:
        return _plain(_Evaluation(names).of(expression.tree))
    except ExpressionError as error:
        raise ExpressionError(f"${{{expression.text}}}: {error.what}") from None
    except RecursionError:
        raise ExpressionError(f"${{{expression.text}}}: it is nested too deep") from None
    except _REFUSES as error:
        words = " ".join((str(error) or type(error).__name__).split())[:200]
        raise ExpressionError(f"${{{expression.text}}}: {words}") from None


class _Every(list[Any]):
    """The items that ``[*]`` stands for: what follows is done to each."""


class _Evaluation:
    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = dict(names)
        self._left = MAX_STEPS

    def of(self, node: ast.expr) -> Any:  # noqa: PLR0912 - one case a kind of syntax
        self._spend(1)
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._names[name]
            case ast.Attribute(value=base, attr=name):
                return self._each(self.of(base), lambda value: self._field(value, name))
            case ast.Subscript(value=base, slice=ast.Constant(value=place)) if place is ...:
                return self._every(self.of(base))
            case ast.Subscript(value=base, slice=place):
                where = self._place(place)
                return self._each(self.of(base), lambda value: self._item(value, where))
            case ast.BoolOp(op=op, values=parts):
                return self._either(parts, until=isinstance(op, ast.Or))
            case ast.UnaryOp(op=op, operand=part):
                value = _plain(self.of(part))
                if isinstance(op, ast.Not):
                    return not value
                return -_number(value) if isinstance(op, ast.USub) else _number(value)
            case ast.BinOp(left=left, op=op, right=right):
                return self._reckon(op, _plain(self.of(left)), _plain(self.of(right)))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared(left, ops, others)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self.of(body if _plain(self.of(test)) else otherwise)
            case ast.List(elts=parts):
                return [_plain(self.of(part)) for part in parts]
            case ast.ListComp(elt=part, generators=loops):
                return self._comprehend(part, loops)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                given = [_plain(self.of(each)) for each in arguments]
                self._spend(sum(len(g) for g in given if isinstance(g, list | dict | str)))
                return FUNCTIONS[name].call(*given)
        raise ExpressionError(f"{type(node).__name__} is not allowed")

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise ExpressionError(f"it takes more than {MAX_STEPS} steps")

    def _each(self, base: Any, part: Callable[[Any], Any]) -> Any:
        if isinstance(base, _Every):
            self._spend(len(base))
            return _Every(part(value) for value in base)
        return part(base)

    def _every(self, base: Any) -> _Every:
        if isinstance(base, _Every):
            found = _Every()
            for value in base:
                found.extend(self._every(value))
            return found
        if base is None:
            return _Every()
        if not isinstance(base, list | tuple):
            raise TypeError(f"[*] of {kind_of(base)}, which is no list")
        self._spend(len(base))
        return _Every(base)

    def _field(self, value: Any, name: str) -> Any:
        if value is None:
            return None
        if isinstance(value, list | tuple):
            raise TypeError(f"no field {name} in a list; write [*].{name} for all of its items")
        if not isinstance(value, dict):
            raise TypeError(f"no field {name} in {kind_of(value)}")
        return value.get(name)

    def _place(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            parts = [node.lower, node.upper, node.step]
            return slice(*(None if part is None else _plain(self.of(part)) for part in parts))
        return _plain(self.of(node))

    def _item(self, value: Any, place: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(place)
        if not isinstance(value, list | tuple | str):
            raise TypeError(f"{kind_of(value)} has no items")
        if isinstance(place, int) and not -len(value) <= place < len(value):
            raise IndexError(f"there is no item {place} of {len(value)}")
        return value[place]

    def _either(self, parts: list[ast.expr], *, until: bool) -> Any:
        value = None
        for part in parts:
            value = _plain(self.of(part))
            if bool(value) is until:
                return value
        return value

    def _compared(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> bool:
        value = _plain(self.of(left))
        for op, other in zip(ops, others, strict=True):
            after = _plain(self.of(other))
            for each in (value, after):
                if isinstance(each, list | dict | str):
                    self._spend(len(each))
            if not _COMPARE[type(op)](value, after):
                return False
            value = after
        return True

    def _comprehend(self, part: ast.expr, loops: list[ast.comprehension]) -> list[Any]:
        if not loops:
            return [_plain(self.of(part))]
        loop, rest = loops[0], loops[1:]
        name = loop.target.id if isinstance(loop.target, ast.Name) else ""
        before, found = dict(self._names), []
        items = _plain(self.of(loop.iter))
        if not isinstance(items, list | tuple):
            raise TypeError(f"{kind_of(items)} where a list belongs")
        for item in items:
            self._spend(1)
            self._names[name] = item
            if all(_plain(self.of(test)) for test in loop.ifs):
                found += self._comprehend(part, rest)
        self._names = before
        return found

    def _reckon(self, op: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(op, ast.Add) and type(left) in (str, list):
            if type(left) is not type(right):
                raise TypeError(f"{kind_of(left)} and {kind_of(right)} have no sum")
            if len(left) + len(right) > MAX_ITEMS:
                raise ValueError(f"a sum of more than {MAX_ITEMS} characters or items")
            self._spend(len(left) + len(right))
            return left + right
        a, b = _number(left), _number(right)
        if isinstance(op, ast.Pow):
            whole = isinstance(a, int) and isinstance(b, int)
            if whole and a.bit_length() * abs(b) > MAX_BITS:
                raise ValueError(f"an integer of more than {MAX_BITS} bits")
            power = a**b
            if isinstance(power, complex):
                raise ValueError("a root of a negative number")
            return power
        reckoned = _ARITHMETIC[type(op)](a, b)
        if isinstance(reckoned, int) and reckoned.bit_length() > MAX_BITS:
            raise ValueError(f"an integer of more than {MAX_BITS} bits")
        return reckoned


_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, _Every) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{kind_of(value)} where a number belongs")
    return value
