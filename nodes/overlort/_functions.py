"""What expressions may call: plain data in, plain data out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from messages.array import Array
from messages.model import Model

MAX_ITEMS: Final = 100_000
"""Items that a function looks at."""

Gives = Literal["number", "integer", "string", "boolean", "array", "numbers", "first", "item"]
"""Kind of a function's value; ``first``: as its first argument; ``item``: as an item of that."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of expressions.

    Attributes:
        call: What it does.
        takes: How many arguments, at least and at most.
        gives: Of what kind its value is.
        about: One line for the documentation.
    """

    call: Callable[..., Any]
    takes: tuple[int, int]
    gives: Gives
    about: str


class _Numbers(Model):
    array: Array


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{kind_of(value)} where a number belongs")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{kind_of(value)} where a text belongs")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{kind_of(value)} where a list belongs")
    return list(value)


def is_array(value: Any) -> bool:
    """Tell whether a value is a numeric array as it travels."""
    return isinstance(value, dict) and value.keys() == {"dtype", "shape", "data"}


def _values(value: Any) -> list[Any]:
    if is_array(value):
        array = _Numbers.model_validate({"array": value}).array
        if array.size > MAX_ITEMS:
            raise ValueError(f"an array of {array.size} numbers, more than {MAX_ITEMS}")
        plain: list[Any] = array.reshape(-1).tolist()
        return plain
    return _list(value)


def _sized(value: Any) -> int:
    if is_array(value):
        return math.prod(value["shape"])
    if not isinstance(value, list | tuple | dict | str):
        raise TypeError(f"{kind_of(value)} has no length")
    return len(value)


def _mean(value: Any) -> float:
    numbers = [_number(each) for each in _values(value)]
    if not numbers:
        raise ValueError("there is no mean of no values")
    return math.fsum(numbers) / len(numbers)


def _thin(value: Any, most: int) -> Any:
    """Keep at most ``most`` items, evenly spaced, the first and the last among them."""
    if isinstance(most, bool) or not isinstance(most, int) or most < 2:
        raise ValueError(f"thin(list, n) keeps n items, at least 2, not {most}")
    if value is None:
        return None
    if is_array(value):
        array = _Numbers.model_validate({"array": value}).array
        if array.ndim != 1:
            raise ValueError("thin() takes an array of one dimension")
        kept = array[_places(array.size, most)]
        return _Numbers(array=kept).model_dump()["array"]
    items = _list(value)
    return [items[place] for place in _places(len(items), most)]


def _places(size: int, most: int) -> list[int]:
    if size <= most:
        return list(range(size))
    return [round(index * (size - 1) / (most - 1)) for index in range(most)]


def _merge(*maps: Any) -> dict[str, Any]:
    """Return one map of all; what a later one says wins, unless it says nothing of it."""
    merged: dict[str, Any] = {}
    for each in maps:
        if each is None:
            continue
        if not isinstance(each, dict):
            raise TypeError(f"{kind_of(each)} where a map belongs")
        merged.update({name: value for name, value in each.items() if value not in (None, "")})
    return merged


def _resolved(entries: Any) -> list[Any]:
    records = entries if isinstance(entries, list) else [entries]
    if not all(isinstance(each, dict) and "status" in each for each in records):
        raise TypeError("resolved() takes a step: resolved(steps.cycle)")
    return [each for each in records if each["status"] == "resolved"]


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text",
             list: "a list", tuple: "a list", dict: "a map", bytes: "bytes"}  # fmt: skip
    return names.get(type(value), type(value).__name__)


def in_words(value: Any) -> str:
    """Return a plain value as text.

    Raises:
        TypeError: It is a list or a map.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if value is None:
        return ""
    if not isinstance(value, int | str):
        raise TypeError(f"{kind_of(value)} cannot stand within a text")
    return str(value)


def _round(value: Any, digits: Any = 0) -> float:
    rounded = round(_number(value), max(min(int(digits), 30), -30))
    return int(rounded) if not digits else rounded


_ANY: Final = (1, 20)

FUNCTIONS: Final[dict[str, Function]] = {
    "len": Function(_sized, (1, 1), "integer", "how many items, keys, characters or numbers"),
    "sum": Function(
        lambda v: sum(map(_number, _values(v))), (1, 1), "number", "of a list or an array"
    ),
    "mean": Function(_mean, (1, 1), "number", "of a list or an array"),
    "min": Function(lambda *v: min(map(_number, _values(v[0]) if len(v) == 1 else v)), _ANY,
                    "number", "of a list or of its arguments"),
    "max": Function(lambda *v: max(map(_number, _values(v[0]) if len(v) == 1 else v)), _ANY,
                    "number", "of a list or of its arguments"),
    "any": Function(lambda v: any(_list(v)), (1, 1), "boolean", "whether one item is true"),
    "all": Function(lambda v: all(_list(v)), (1, 1), "boolean", "whether every item is true"),
    "abs": Function(lambda v: abs(_number(v)), (1, 1), "number", "the magnitude"),
    "round": Function(_round, (1, 2), "number", "to so many digits; a whole number without them"),
    "int": Function(lambda v: int(v if isinstance(v, str) else _number(v)), (1, 1), "integer",
                    "the whole part of a number, or a text as one"),
    "float": Function(lambda v: float(v if isinstance(v, str) else _number(v)), (1, 1), "number",
                      "a number, or a text as one"),
    "str": Function(in_words, (1, 1), "string", "a number or a text as a text"),
    "lower": Function(lambda v: _text(v).lower(), (1, 1), "string", "a text in lower case"),
    "startswith": Function(lambda v, w: _text(v).startswith(_text(w)), (2, 2), "boolean",
                           "whether a text begins so"),
    "endswith": Function(lambda v, w: _text(v).endswith(_text(w)), (2, 2), "boolean",
                         "whether a text ends so"),
    "values": Function(_values, (1, 1), "numbers", "the numbers of an array as a list"),
    "first": Function(lambda v: next(iter(_values(v)), None), (1, 1), "item",
                      "the first item, or nothing"),
    "last": Function(lambda v: next(iter(_values(v)[-1:]), None), (1, 1), "item",
                     "the last item, or nothing"),
    "thin": Function(_thin, (2, 2), "first",
                     "at most so many items of a list or array, evenly spaced, both ends kept"),
    "merge": Function(_merge, _ANY, "first", "maps as one; the later wins where it says something"),
    "resolved": Function(_resolved, (1, 1), "first", "those of a step that came through"),
}  # fmt: skip
"""What may be called."""
