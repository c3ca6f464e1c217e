"""How many requests the ledger can validate, chain and commit a second, without a mesh.

``python benchmarks/ledger_store.py [requests]``: each line is one size of the commit group;
``rows`` counts journal entries, ``CPU`` is the process's own time a request. Commits are durable
(SQLite, WAL, synchronous=FULL), so the wall time depends on the disk in use: name a folder on it
by ``--folder``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from messages.envelope import Header, encode
from messages.ids import NodeId, new_id
from messages.ledger import Offer, Progress, ProgressKind, Request, Result
from messages.model import Message
from messages.node import Lifecycle, Presence, State
from messages.schema import schema_hash
from nodes.broker import Ledger
from nodes.broker._books import Now
from nodes.broker._door import Parcel
from nodes.broker.store import SqlStore, sqlite_url

LEDGER = NodeId("kit", "broker")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "minimum": 250, "maximum": 400},
        "formulation": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "smiles": {"type": "string"}, "inchikey": {"type": "string"},
                    "fraction": {"type": "number", "minimum": 0, "maximum": 1},
                },
                "required": ["smiles", "inchikey", "fraction"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["temperature", "formulation"],
    "additionalProperties": False,
}  # fmt: skip
PARAMETERS = {
    "temperature": 298.15,
    "formulation": [
        {"smiles": "C1COC(=O)O1", "inchikey": "KMTRUDSVKNLOMY-UHFFFAOYSA-N", "fraction": 0.2},
        {"smiles": "CCOC(=O)OC", "inchikey": "JBTWLSYIZRCDFO-UHFFFAOYSA-N", "fraction": 0.7},
        {"smiles": "[Li+].F[P-](F)(F)(F)(F)F", "inchikey": "AXPLOJNSKRXQPA-UHFFFAOYSA-N",
         "fraction": 0.1},
    ],
}  # fmt: skip


def parcel(author: str, kind: str, message: Message, *levels: str) -> Parcel:
    """Return a message as it arrives."""
    header = Header(type(message).TYPE, schema_hash(type(message)), new_id(), 1, author, 1, 1)
    to = () if kind in ("offer", "node") else (str(LEDGER),)
    return Parcel("/".join(("lab1", author, kind, *to, *levels)), encode(header, message))


def now() -> Now:
    """Return this moment."""
    return Now(time.time_ns(), time.time_ns(), time.monotonic())


def worker(ledger: Ledger, *, slots: int) -> None:
    """Let a model be there that offers the capability."""
    offer = Offer(
        quantity="conductivity", method="model", parameters_schema=SCHEMA, result_schema={},
        slots=slots, worker="model",
    )  # fmt: skip
    presence = Presence(state="online", epoch=1, boot_id=new_id(), instance="0", since=0)
    node = "kit/model"
    ledger.apply(
        [
            parcel(node, "node", presence, "alive", "0"),
            parcel(node, "node", Lifecycle(state=State.ACTIVE), "life"),
            parcel(node, "offer", offer, "conductivity", "model"),
        ],
        now(),
    )


def intake(ledger: Ledger, count: int, group: int) -> tuple[float, float]:
    """Return wall and CPU seconds to take ``count`` requests in groups."""
    request = Request(quantity="conductivity", method="model", parameters=PARAMETERS)
    parcels = [parcel("kit/opt", "request", request, "conductivity", "model") for _ in range(count)]
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, count, group):
        ledger.apply(parcels[start : start + group], now())
    return time.perf_counter() - wall, time.process_time() - cpu


def cycle(ledger: Ledger, count: int, group: int) -> tuple[float, float]:
    """Return wall and CPU seconds to take, give out, begin and resolve ``count`` requests."""
    request = Request(quantity="conductivity", method="model", parameters=PARAMETERS)
    wall = cpu = 0.0
    for _ in range(0, count, group):
        batch = [
            parcel("kit/opt", "request", request, "conductivity", "model") for _ in range(group)
        ]
        for _stage in range(3):
            wall -= time.perf_counter()
            cpu -= time.process_time()
            outcome = ledger.apply(batch, now())
            wall += time.perf_counter()
            cpu += time.process_time()
            if _stage == 0:
                orders = [p.order[1] for p in outcome.said if p.order]
                batch = [
                    parcel("kit/model", "progress",
                           Progress(request=o.request, token=o.token, kind=ProgressKind.ACCEPT),
                           str(o.request))
                    for o in orders
                ]  # fmt: skip
            elif _stage == 1:
                batch = [
                    parcel("kit/model", "result",
                           Result(request=o.request, token=o.token, quantity="conductivity",
                                  method="model", parameters=PARAMETERS, outcome="resolved",
                                  data={"conductivity": 0.9}),
                           "conductivity", "model")
                    for o in orders
                ]  # fmt: skip
    return wall, cpu


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int, nargs="?", default=5000)
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    print(f"{'':8} {'group':>6} {'requests/s':>11} {'rows/s':>8} {'CPU us/request':>15}")
    for name, measure, slots in (("intake", intake, 1), ("cycle", cycle, 10_000)):
        for group in (1, 10, 100, 500):
            count = max(group, arguments.requests // (10 if group == 1 else 1))
            count -= count % group
            with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
                store = SqlStore(sqlite_url(Path(folder) / "ledger.sqlite"))
                ledger = Ledger(LEDGER, store)
                worker(ledger, slots=slots)
                before = ledger.head.offset
                wall, cpu = measure(ledger, count, group)
                rows = ledger.head.offset - before
                store.close()
            print(
                f"{name:8} {group:6} {count / wall:11.0f} {rows / wall:8.0f} "
                f"{cpu / count * 1e6:15.0f}"
            )


if __name__ == "__main__":
    main()
