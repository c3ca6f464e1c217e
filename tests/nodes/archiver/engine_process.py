"""Archivers in processes of their own: each order (a line of JSON on stdin) is done by a fresh one.

The processes are forked from one that has imported everything, so that a hundred of them take
seconds; each is killed for real. What the broker node would be is a file here: an order that has
its result in it is not given out again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.nodes.archiver.deposits import FIRST, SECOND, archiver_at
from tests.nodes.archiver.points import Points, install


def ledger(folder: Path) -> dict[str, Any]:
    """Return the results by their order."""
    file = folder / "ledger.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    found = {}
    for line in lines:
        result = json.loads(line)
        assert result["order"] not in found, "an order has two results"
        found[result["order"]] = result
    return found


async def work(url: str, token: str, mark: str, folder: Path, point: Points) -> None:
    """Do the two orders, those that have no result."""
    async with archiver_at(
        url, folder, token=lambda: token, mark=mark, patience=60.0, settle=(0.0, 0.05)
    ) as lab:
        for order, files in (("one", FIRST), ("two", SECOND)):
            if order in ledger(folder):
                continue
            found = await lab.deposit(files, by=order)
            result = {"order": order, "record": found.record["id"], "new": found.new}
            point("before the result")
            with (folder / "ledger.jsonl").open("a") as file:
                file.write(f"{json.dumps(result)}\n")
            point("after the result")


def child(order: dict[str, Any]) -> None:
    """Do an order in this process; it may not come back."""
    folder = Path(order["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "points" if order["list"] else None
    point = Points(order["kill"], told)
    install(point, files_below=folder / "files")
    asyncio.run(work(order["url"], order["token"], order["mark"], folder, point))


def main() -> None:
    """Fork for each order; answer with the exit status."""
    for line in sys.stdin:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                child(json.loads(line))
                status = 0
            except BaseException as error:  # noqa: BLE001 - it must not come back into the loop
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(status)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
