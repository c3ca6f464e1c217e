"""kill -9 of real archiver processes, each of two deposits long, at every point there is."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.archiver.deposits import FIRST, SECOND, check_whole
from tests.nodes.archiver.engine_process import ledger
from tests.nodes.archiver.forks import archivers
from tests.support.invenio import InvenioServer


def points_of(folder: Path) -> list[str]:
    """Return the names of all points of two undisturbed deposits."""
    with InvenioServer() as server, archivers() as lab:
        assert lab.run(server.url, folder, listed=True) == 0
        check_whole(server, FIRST, SECOND)
    return (folder / "points").read_text().splitlines()


def killed_at(points: list[int], folder: Path) -> None:
    """Kill an archiver at each of the points, restart it, and look at what there is."""
    with archivers() as lab:
        for number in points:
            home = folder / str(number)
            with InvenioServer() as server:
                assert lab.run(server.url, home, kill=number) == -signal.SIGKILL, number
                assert lab.run(server.url, home) == 0, number
                check_whole(server, FIRST, SECOND)
                _check_results(server, ledger(home))


def _check_results(server: InvenioServer, found: dict[str, Any]) -> None:
    records = [each.id for each in server.records.values()]
    assert [found[order]["record"] for order in ("one", "two")] == records
    assert [found[order]["new"] for order in ("one", "two")] == [True, True]


def _in_lanes(points: list[int], folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        for lane in [pool.submit(killed_at, points[n::2], folder) for n in range(2)]:
            lane.result()


def test_an_archiver_killed_anywhere_leaves_one_record(tmp_path: Path) -> None:
    names = points_of(tmp_path / "whole")
    assert len(names) > 100
    chosen = range(3, len(names), max(len(names) // 10, 1))
    _in_lanes(list(chosen), tmp_path)


@pytest.mark.slow
def test_an_archiver_killed_at_each_point_leaves_one_record(tmp_path: Path) -> None:
    names = points_of(tmp_path / "whole")
    assert len(names) > 100
    _in_lanes(list(range(1, len(names) + 1)), tmp_path)
