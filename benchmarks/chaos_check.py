"""What must be true after `chaos.py`, whatever was killed: diaries held against the ledger."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.chaos_nodes import read_diary
from messages.envelope import unpack
from messages.ledger import FINAL, Status
from messages.model import JsonObject
from nodes.broker import open_ledger
from nodes.broker.store._tables import PROJECTIONS


@dataclass(slots=True)
class Findings:
    """What the check came to.

    Attributes:
        counts: By name, for the table.
        wrong: What must not be; empty when all is well.
    """

    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, name: str, offenders: list[Any]) -> None:
        """Count offenders; there should be none."""
        self.counts[name] = len(offenders)
        if offenders:
            shown = "; ".join(str(o) for o in offenders[:5])
            self.wrong.append(f"{name}: {len(offenders)}, such as {shown}")


@dataclass(slots=True)
class Journal:
    """The journal, read by plain SQL."""

    rows: list[sqlite3.Row]
    status: dict[str, str]
    changes: dict[str, list[tuple[int, int, JsonObject]]]

    @classmethod
    def read(cls, file: Path) -> Journal:
        """Read it."""
        with sqlite3.connect(file) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute('SELECT * FROM journal ORDER BY "offset"').fetchall()
            status = dict(db.execute("SELECT uuid, status FROM requests").fetchall())
        db.close()
        changes: dict[str, list[tuple[int, int, JsonObject]]] = defaultdict(list)
        for row in rows:
            if row["kind"] == "status":
                body = unpack(row["body"])
                changes[body["request"]].append((row["offset"], row["load_time"], body))
        return cls(rows, status, changes)


def check(folder: Path, site: str, requesters: list[str], workers: list[str]) -> Findings:
    """Check everything, from files alone; the processes have ended."""
    found = Findings()
    file = folder / "data" / site / "broker" / "ledger.sqlite"
    journal = Journal.read(file)
    _chain(found, file, journal)
    _receipts(found, folder, requesters, journal)
    _acts(found, folder, workers, journal)
    _ends(found, journal)
    stuck = []
    for name in (*requesters, *workers):
        with sqlite3.connect(folder / "data" / site / name / "node.sqlite") as db:
            stuck += [(name, *row) for row in db.execute("SELECT id, topic FROM outbox")]
        db.close()
    found.expect("messages left in outboxes", stuck)
    found.expect("projections that differ from a rebuild", rebuilt_differently(file))
    return found


def _chain(found: Findings, file: Path, journal: Journal) -> None:
    with open_ledger(file) as reader:
        verdict = reader.verify()
    found.counts["entries"] = verdict.entries
    found.expect("faults of the chain", [] if verdict.sound else [verdict])
    offsets = [row["offset"] for row in journal.rows]
    found.expect("gaps", [] if offsets == list(range(len(offsets))) else ["offsets not gapless"])


def _receipts(found: Findings, folder: Path, requesters: list[str], journal: Journal) -> None:
    at = {row["uuid"]: row for row in journal.rows}
    submitted, receipts, lost, doubled, moved = 0, 0, [], [], []
    refused, astray, unended = [], [], []
    for name in requesters:
        lines = read_diary(folder / "diaries" / f"{name}.jsonl")
        told: dict[str, int] = {}
        ended: dict[str, str] = {}
        for line in lines:
            identity = line["id"]
            row = at.get(identity)
            if line["what"] == "receipt":
                receipts += 1
                if row is None:
                    lost.append((name, identity))
                elif (
                    row["offset"] != line["offset"]
                    or told.get(identity, row["offset"]) != (line["offset"])
                ):
                    moved.append((name, identity, line["offset"], row["offset"]))
                told[identity] = line["offset"]
            elif line["what"] == "posted" and row is None:
                lost.append((name, identity))
            elif line["what"] == "refused":
                refused.append((name, identity, line["reason"]))
            elif line["what"] == "ended":
                ended[identity] = line["status"]
                if journal.status.get(identity) != line["status"]:
                    astray.append((identity, line["status"], journal.status.get(identity)))
            elif line["what"] == "cancelled" and journal.status.get(identity) != "retracted":
                astray.append((identity, "cancelled", journal.status.get(identity)))
        asked = {line["id"] for line in lines if line["what"] == "submitted"}
        submitted += len(asked)
        unended += [(name, i) for i in sorted(asked - ended.keys())]
    times = Counter(row["uuid"] for row in journal.rows)
    doubled = [uuid for uuid, count in times.items() if count > 1]
    found.counts["requests submitted"] = submitted
    found.counts["receipts"] = receipts
    found.expect("receipted and lost", lost)
    found.expect("receipted at another offset", moved)
    found.expect("entries doubled", doubled)
    found.expect("requests refused", refused)
    found.expect("ends told otherwise than recorded", astray)
    found.expect("requests whose requester knows no end", unended)


def _acts(found: Findings, folder: Path, workers: list[str], journal: Journal) -> None:
    begun: Counter[tuple[str, int]] = Counter()
    unannounced: list[Any] = []
    acts = 0
    for name in workers:
        for line in read_diary(folder / "diaries" / f"{name}.jsonl"):
            if line["what"] != "begun" or not name.startswith("instrument"):
                continue
            acts += 1
            order = (line["request"], line["token"])
            begun[order] += 1
            noted = [
                load_time
                for _, load_time, body in journal.changes[order[0]]
                if body["after"] == "running" and body["token"] == order[1]
            ]
            if not noted or min(noted) > line["at"]:
                unannounced.append((name, *order))
    found.counts["acts of instruments"] = acts
    found.expect("acts begun twice for one order", [o for o, n in begun.items() if n > 1])
    found.expect("acts the ledger had not noted before", unannounced)


def _ends(found: Findings, journal: Journal) -> None:
    results: Counter[str] = Counter()
    for row in journal.rows:
        if row["kind"] == "result":
            body = unpack(row["body"])
            if body["request"] and body["outcome"] == "resolved":
                results[body["request"]] += 1
    open_ones: list[Any] = []
    wrong: list[Any] = []
    held = 0
    for row in journal.rows:
        if row["kind"] != "request":
            continue
        identity, terms = row["uuid"], unpack(row["body"])
        status = Status(journal.status[identity])
        log = [body for _, _, body in journal.changes[identity]]
        held += any(body["after"] == "held" for body in log)
        if status not in FINAL:
            open_ones.append((identity, status.value))
            continue
        begun = sum(b["before"] == "reserved" and b["after"] == "running" for b in log)
        mood = terms["parameters"]["mood"]
        if results[identity] != (status is Status.RESOLVED):
            wrong.append((identity, status.value, f"{results[identity]} results"))
        elif status is Status.FAILED and mood != "badly" and begun < terms["attempts"]:
            wrong.append((identity, "failed with attempts left", log[-1]["message"]))
        elif status is Status.EXPIRED:
            wrong.append((identity, "expired without a deadline"))
    found.counts["requests held for a while"] = held
    for status_name, count in sorted(Counter(journal.status.values()).items()):
        found.counts[f"requests {status_name}"] = count
    found.expect("requests without an end", open_ones)
    found.expect("requests that ended as they must not", wrong)


def rebuilt_differently(file: Path) -> list[str]:
    """Return the projections of a ledger at rest that differ from those rebuilt in a copy."""
    copy = file.with_name("rebuilt.sqlite")
    copy.unlink(missing_ok=True)
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    before = _projections(copy)
    with open_ledger(copy) as reader:
        reader.rebuild()
    after = _projections(copy)
    copy.unlink()
    return [name for name in before if before[name] != after[name]]


def _projections(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(file) as db:
        found = {
            table.name: sorted(db.execute(f"SELECT * FROM {table.name}").fetchall(), key=repr)  # noqa: S608
            for table in PROJECTIONS
        }
    db.close()
    return found
