"""Where the nodes of a graph stand: in columns from who speaks to who listens."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

_SWEEPS: Final = 12
"""Times the columns are put in order by their neighbours; a few suffice for tens of nodes."""


def layout(
    names: Collection[str], arrows: Iterable[tuple[str, str]]
) -> dict[str, tuple[float, float]]:
    """Return (column, row) by name: layers by longest path, order by barycentre (Sugiyama).

    The same graph always gives the same picture. Rows of a column are centred about 0.
    """
    forward = _without_cycles(names, sorted(set(arrows)))
    columns = _columns(names, forward)
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for source, target in forward:
        neighbours[source].append(target)
        neighbours[target].append(source)
    places = _rows(columns)
    for _ in range(_SWEEPS):
        for column in columns:
            column.sort(key=lambda name: (_mean(places, neighbours[name], name), name))
        places = _rows(columns)
    return places


def _without_cycles(names: Collection[str], arrows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the arrows with those turned round that would close a cycle."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in arrows:
        after[source].append(target)
    state: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    entered = {target for _, target in arrows}
    # Begin where nothing arrives, so that little is turned round.
    for root in sorted(names, key=lambda name: (name in entered, name)):
        waiting = [(root, iter(after[root]))] if root not in state else []
        state.setdefault(root, 1)
        while waiting:
            name, targets = waiting[-1]
            for target in targets:
                back = state.get(target) == 1
                kept.append((target, name) if back else (name, target))
                if target not in state:
                    state[target] = 1
                    waiting.append((target, iter(after[target])))
                    break
            else:
                state[name] = 2
                waiting.pop()
    return [(source, target) for source, target in kept if source != target]


def _columns(names: Collection[str], forward: list[tuple[str, str]]) -> list[list[str]]:
    depth = dict.fromkeys(sorted(names), 0)
    for _ in names:
        for source, target in forward:
            depth[target] = max(depth[target], depth[source] + 1)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name, column in depth.items():
        columns[column].append(name)
    return columns


def _rows(columns: list[list[str]]) -> dict[str, tuple[float, float]]:
    return {
        name: (float(x), (len(column) - 1) / 2 - index)
        for x, column in enumerate(columns)
        for index, name in enumerate(column)
    }


def _mean(places: dict[str, tuple[float, float]], neighbours: list[str], name: str) -> float:
    """Return the mean height of the neighbours, the highest first."""
    rows = [places[each][1] for each in neighbours] or [places[name][1]]
    return -sum(rows) / len(rows)
