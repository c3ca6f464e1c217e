"""Texts with substitutions: ``$(name argument ...)``, nested, ``$$(`` for a literal ``$(``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from labmesh.launch._problem import did_you_mean

ARITY: Final[dict[str, tuple[int, int, str]]] = {
    "var": (1, 1, "the value of an argument or of a let"),
    "env": (1, 2, "an environment variable, or the default"),
    "dirname": (0, 0, "the folder of this launch file"),
    "anon": (1, 1, "the name with a suffix of this launch; the same name gives the same text"),
    "find-file": (1, 1, "an existing file, sought beside this launch file, then where you are"),
    "equals": (2, 2, "whether two values are equal (numbers as numbers)"),
    "not-equals": (2, 2, "whether two values differ"),
    "not": (1, 1, "the opposite of a condition"),
    "and": (1, 9, "whether all conditions hold"),
    "or": (1, 9, "whether any condition holds"),
    "if": (2, 3, "the second argument when the first holds, else the third (default empty)"),
    "file": (1, 1, "the content of a file, relative to this one, without its last line end"),
    "command": (1, 2, "what a program writes; the second argument: seconds it may take (10)"),
    "now": (0, 0, "the start of this launch, UTC, as 20260131-235959"),
}
"""Every substitution: fewest and most arguments, and what it stands for."""

ALIASES: Final = {
    "this-file-dir": "dirname", "optenv": "env", "if-else": "if", "all": "and", "any": "or",
}  # fmt: skip
"""Other spellings, most of them ROS 2's."""

FOREIGN: Final = {
    "find-pkg-share": "write a path relative to this file: packages there are none",
    "find-pkg-prefix": "write a path relative to this file: packages there are none",
    "exec-in-pkg": "run an installed node by its name, run: NAME; packages there are none",
    "find-exec": "write the program's name: it is sought on PATH",
    "eval": "use $(equals a b), $(and ...), $(if c a b), or a launch file in Python",
}
"""Substitutions of ROS 2 that have no place here, and what has."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Call:
    """One substitution: its name, its arguments, where in the text it begins."""

    name: str
    arguments: tuple[Template, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts and substitutions in order; ``broken`` when the text had a syntax error."""

    parts: tuple[str | Call, ...]
    broken: bool = False


class TemplateError(Exception):
    """A malformed substitution at ``offset`` of the text."""

    def __init__(self, offset: int, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what
        self.remedy = remedy


def parse_template(text: str) -> Template:
    """Return the parts of ``text``.

    Raises:
        TemplateError: A substitution is not closed, unknown, or has too few or many arguments.
    """
    template, end = _parts(text, 0, stop="")
    assert end == len(text)  # noqa: S101 - without a stop character the whole text is read
    return template


def _parts(text: str, at: int, *, stop: str) -> tuple[Template, int]:
    """Read until a character of ``stop`` (not consumed) or the end."""
    parts: list[str | Call] = []
    literal = ""
    while at < len(text) and text[at] not in stop:
        if text.startswith("$$(", at):
            literal += "$("
            at += 3
        elif text.startswith("$(", at):
            if literal:
                parts.append(literal)
                literal = ""
            call, at = _call(text, at)
            parts.append(call)
        else:
            literal += text[at]
            at += 1
    if literal:
        parts.append(literal)
    return Template(tuple(parts)), at


def _call(text: str, start: int) -> tuple[Call, int]:
    at = start + 2
    match = _NAME.match(text, at)
    if match is None:
        raise TemplateError(
            start, "a substitution is $(name arguments...)", "write $$( for a literal $("
        )
    name = match.group()
    name = ALIASES.get(name, name)
    if name not in ARITY:
        remedy = FOREIGN.get(name) or did_you_mean(name, ARITY)
        raise TemplateError(start, f"unknown substitution {name!r}", remedy)
    at = match.end()
    arguments: list[Template] = []
    while True:
        gap = at
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            raise TemplateError(start, f"$({name} is not closed", "add the missing )")
        if text[at] == ")":
            break
        if at == gap:
            raise TemplateError(at, "arguments of a substitution are separated by spaces")
        if text[at] in "'\"":
            argument, end = _parts(text, at + 1, stop=text[at])
            if end == len(text):
                raise TemplateError(at, "a quote is not closed", f"add the missing {text[at]}")
            at = end + 1
        else:
            argument, at = _parts(text, at, stop=" \t\r\n)")
        arguments.append(argument)
    fewest, most, _ = ARITY[name]
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise TemplateError(
            start,
            f"$({name}) takes {wanted} arguments, not {len(arguments)}",
            "quote an argument that holds spaces" if len(arguments) > most else "",
        )
    return Call(name, tuple(arguments), start), at + 1
