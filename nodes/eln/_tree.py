"""A plan for openBIS as a tree, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from nodes.eln._openbis_plan import Plan, Thing

_FILES: Final = 4


def tree_of(plan: Plan, space: str, project: str) -> list[str]:
    """Return the lines of a tree: each object below the last of its parents, data sets below it.

    An object that several made it into what it is stands once; its other parents are named.
    """
    children: dict[str, list[Thing]] = defaultdict(list)
    for thing in plan.things:
        children[thing.parents[-1] if thing.parents else ""].append(thing)
    data: dict[str, list[str]] = defaultdict(list)
    for each in plan.data_sets:
        names = ", ".join(list(each.artifacts)[:_FILES] or ["JSON"])
        more = len(each.artifacts) - _FILES
        data[each.owner].append(f"[{each.kind}] {names}{f' and {more} more' if more > 0 else ''}")

    def below(code: str, indent: str) -> Iterator[str]:
        for line in data[code]:
            yield f"{indent}{line}"
        for thing in children[code]:
            also = thing.parents[:-1]
            others = f"  (also from {', '.join(also)})" if also else ""
            yield f"{indent}{thing.kind} {thing.code} {thing.said.get('AT', '')}{others}"
            yield from below(thing.code, f"{indent}  ")

    head = f"/{space.upper()}/{project.upper()}/{plan.code}"
    return [head, *below("", "  ")]
