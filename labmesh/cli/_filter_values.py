"""What ``--filter`` reckons with: its functions and operators, for plain data and within bounds."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Callable
from typing import Any, Final

import simpleeval

from messages.errors import LabmeshError

MAX_STEPS: Final = 100_000
"""Parts evaluated and items looked at for one message: some tens of milliseconds."""

MAX_BITS: Final = 2048
"""Size of an integer; a larger one is a mistake or an attack."""

MAX_TEXT: Final = 10_000
"""Characters of a text or items of a list that ``+`` makes."""

_CONTAINER: Final = 1000
"""Steps that comparing two lists or maps counts for: they may hold a whole payload."""


class FilterError(LabmeshError):
    """An expression has no answer for this message: a field is missing, or of another kind."""


class Budget:
    """Counts the steps of one evaluation."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Take ``steps`` away.

        Raises:
            FilterError: None is left.
        """
        self._left -= steps
        if self._left < 0:
            raise FilterError(f"it takes more than {MAX_STEPS} steps")


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(_text(text), _text(pattern))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text belongs")
    if len(value) > MAX_TEXT:
        raise FilterError(f"a text has more than {MAX_TEXT} characters")
    return value


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "len": len, "abs": abs, "min": min, "max": max, "sum": lambda items: sum(map(_number, items)),
    "round": lambda x, digits=0: round(_number(x), max(min(int(digits), 30), -30)),
    "any": any, "all": all,
    "int": lambda x: int(_limited(x)), "float": lambda x: float(_limited(x)),
    "str": lambda x: str(_limited(x)), "lower": lambda text: _text(text).lower(),
    "startswith": lambda text, head: _text(text).startswith(_text(head)),
    "endswith": lambda text, tail: _text(text).endswith(_text(tail)),
    "like": _like,
}  # fmt: skip
"""What may be called. ``like(text, "*.csv")`` compares as a shell does."""


def charged(function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Return ``function`` with its arguments' items counted as steps."""

    def call(*arguments: Any) -> Any:
        budget.spend(sum(len(a) for a in arguments if isinstance(a, list | tuple | dict | str)))
        return function(*arguments)

    return call


def _limited(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 1000:
        raise ValueError("a text too long for a number")
    if not isinstance(value, bool | int | float | str | None):
        raise TypeError(f"{type(value).__name__} where a number or a text belongs")
    return value


def _number(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} where a number belongs")
    return _small(value)


def _small(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise FilterError(f"an integer has more than {MAX_BITS} bits")
    return value


def operators(budget: Budget) -> dict[type[ast.AST], Callable[..., Any]]:
    """Return simpleeval's operators, arithmetic being for numbers alone: ``"%999d" % 1`` is not."""
    known: dict[type[ast.AST], Callable[..., Any]] = {ast.Not: lambda value: not value}

    def compared(function: Callable[..., Any]) -> Callable[..., Any]:
        def compare(left: Any, right: Any) -> Any:
            if isinstance(left, list | tuple | dict):
                budget.spend(_CONTAINER)
            return function(left, right)

        return compare

    comparisons = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot)
    known |= {kind: compared(simpleeval.DEFAULT_OPERATORS[kind]) for kind in comparisons}

    def numbers(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: _small(function(*map(_number, given)))

    arithmetic = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Mult, ast.USub, ast.UAdd)
    known |= {kind: numbers(simpleeval.DEFAULT_OPERATORS[kind]) for kind in arithmetic}

    def add(left: Any, right: Any) -> Any:
        if type(left) in (str, list):
            if type(left) is not type(right):
                raise TypeError(f"{type(left).__name__} and {type(right).__name__} have no sum")
            if len(left) + len(right) > MAX_TEXT:
                raise FilterError(f"a sum has more than {MAX_TEXT} characters or items")
            budget.spend(len(left) + len(right))
            return left + right
        return _small(_number(left) + _number(right))

    def power(base: Any, exponent: Any) -> Any:
        whole = isinstance(_number(exponent), int) and isinstance(_number(base), int)
        if whole and base.bit_length() * abs(exponent) > MAX_BITS:
            raise FilterError(f"an integer has more than {MAX_BITS} bits")
        result = base**exponent
        if isinstance(result, complex):
            raise ValueError("a root of a negative number")
        return result

    def contains(item: Any, container: Any) -> bool:
        budget.spend(len(container))
        return item in container

    known |= {ast.Add: add, ast.Pow: power, ast.In: contains,
                  ast.NotIn: lambda item, container: not contains(item, container)}  # fmt: skip
    return known
