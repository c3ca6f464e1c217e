"""Values with expressions in them: parameters, answers, words.

``${...}`` that is the whole of a text keeps the type of its value; within a text it is written
into it. ``$${`` stands for ``${``. A key whose expression gives nothing is left out. A map of
``$for_each``, ``$give`` and perhaps ``$when`` is a list: one value for each item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from labmesh.yaml_lines import Place, dotted
from nodes.overlort._evaluate import evaluate
from nodes.overlort._expression import Expression, ExpressionError, parse
from nodes.overlort._functions import in_words, kind_of

ITEM: Final = frozenset({"item", "index"})
MAX_ITEMS: Final = 1000
"""Items of a fan-out."""

_EACH, _GIVE, _WHEN = "$for_each", "$give", "$when"


class TemplateError(ExpressionError):
    """A template is none, or has no value here; ``place`` is where within it."""

    def __init__(self, what: str, place: Place) -> None:
        super().__init__(what, where=dotted(place))
        self.place = place


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands."""

    value: Any


@dataclass(frozen=True, slots=True)
class Whole:
    """One expression, and nothing around it."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Mixed:
    """A text with expressions in it."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """A map."""

    fields: dict[str, Template]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A list with one value for each item of another."""

    source: Template
    when: Template | None
    give: Template


Template: TypeAlias = Literal | Whole | Mixed | Fields | Items | Each


def compile_template(value: Any, names: frozenset[str], place: Place = ()) -> Template:
    """Return a template of a value of the file.

    Raises:
        TemplateError: An expression in it is none.
    """
    if isinstance(value, str):
        return _of_text(value, names, place)
    if isinstance(value, list | tuple):
        return Items(tuple(compile_template(v, names, (*place, n)) for n, v in enumerate(value)))
    if not isinstance(value, dict):
        return Literal(value)
    if any(str(key).startswith("$") for key in value):
        return _each(value, names, place)
    return Fields({str(k): compile_template(v, names, (*place, str(k))) for k, v in value.items()})


def compile_expression(value: Any, names: frozenset[str], place: Place) -> Template:
    """Return a template of a text that is an expression, with or without ``${}`` around it.

    Raises:
        TemplateError: It is none.
    """
    if not isinstance(value, str):
        return compile_template(value, names, place)
    text = value.strip()
    if text.startswith("${") and text.endswith("}"):
        return compile_template(text, names, place)
    return Whole(_parse(text, names, place))


def render(template: Template, names: Mapping[str, Any], place: Place = ()) -> Any:
    """Return the value of a template.

    Raises:
        TemplateError: An expression has no value here; says where.
    """
    try:
        match template:
            case Literal(value=value):
                return value
            case Whole(expression=expression):
                return evaluate(expression, names)
            case Mixed(parts=parts):
                return "".join(
                    part if isinstance(part, str) else in_words(evaluate(part, names))
                    for part in parts
                )
    except TemplateError:
        raise
    except (ExpressionError, TypeError) as error:
        words = error.what if isinstance(error, ExpressionError) else str(error)
        raise TemplateError(words, place) from None
    match template:
        case Fields(fields=fields):
            found = {k: render(v, names, (*place, k)) for k, v in fields.items()}
            # An optional field that nobody has anything to say of is not said to be nothing.
            return {
                key: value
                for key, value in found.items()
                if value is not None or isinstance(fields[key], Literal)
            }
        case Items(items=items):
            return [render(each, names, (*place, n)) for n, each in enumerate(items)]
        case Each():
            return list(_rendered(template, names, place))


def expressions(template: Template) -> Iterator[Expression]:
    """Yield every expression of a template."""
    match template:
        case Whole(expression=expression):
            yield expression
        case Mixed(parts=parts):
            yield from (part for part in parts if isinstance(part, Expression))
        case Fields(fields=fields):
            for each in fields.values():
                yield from expressions(each)
        case Items(items=items):
            for each in items:
                yield from expressions(each)
        case Each(source=source, when=when, give=give):
            yield from expressions(source)
            yield from expressions(give)
            if when is not None:
                yield from expressions(when)


def items_of(value: Any, place: Place) -> list[Any]:
    """Return the items of a fan-out.

    Raises:
        TemplateError: It is no list, or a long one.
    """
    if not isinstance(value, list | tuple):
        raise TemplateError(f"{kind_of(value)} where a list of items belongs", place)
    if len(value) > MAX_ITEMS:
        raise TemplateError(f"{len(value)} items, at most {MAX_ITEMS}", place)
    return list(value)


def _rendered(template: Each, names: Mapping[str, Any], place: Place) -> Iterator[Any]:
    source = render(template.source, names, (*place, _EACH))
    for index, item in enumerate(items_of(source, (*place, _EACH))):
        inner = {**names, "item": item, "index": index}
        if template.when is None or render(template.when, inner, (*place, _WHEN)):
            yield render(template.give, inner, (*place, _GIVE))


def _each(value: dict[str, Any], names: frozenset[str], place: Place) -> Each:
    if not {_EACH, _GIVE} <= value.keys() <= {_EACH, _GIVE, _WHEN}:
        raise TemplateError(
            f"a list made of another has the keys {_EACH}, {_GIVE} and perhaps {_WHEN}, "
            f"not {', '.join(sorted(value))}",
            place,
        )
    inner = names | ITEM
    return Each(
        compile_expression(value[_EACH], names, (*place, _EACH)),
        compile_expression(value[_WHEN], inner, (*place, _WHEN)) if _WHEN in value else None,
        compile_template(value[_GIVE], inner, (*place, _GIVE)),
    )


def _of_text(text: str, names: frozenset[str], place: Place) -> Template:
    parts: list[str | Expression] = []
    plain, at = "", 0
    while at < len(text):
        if text.startswith("$${", at):
            plain, at = plain + "${", at + 3
        elif text.startswith("${", at):
            end = _end(text, at + 2)
            if end < 0:
                raise TemplateError(f"{text[at : at + 40]!r} has no closing brace", place)
            parts += [plain] if plain else []
            parts.append(_parse(text[at + 2 : end], names, place))
            plain, at = "", end + 1
        else:
            plain, at = plain + text[at], at + 1
    if not any(isinstance(part, Expression) for part in parts):
        return Literal(plain)
    if len(parts) == 1 and not plain and isinstance(parts[0], Expression):
        return Whole(parts[0])
    return Mixed((*parts, plain) if plain else tuple(parts))


def _parse(text: str, names: frozenset[str], place: Place) -> Expression:
    try:
        return parse(text, names)
    except ExpressionError as error:
        raise TemplateError(error.what, place) from None


def _end(text: str, at: int) -> int:
    """Return where the brace is that closes an expression, -1 for none; quotes may hold braces."""
    quote = ""
    while at < len(text):
        letter = text[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return at
        at += 1
    return -1
