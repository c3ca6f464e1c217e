"""Kill everything, again and again, under load; then hold the diaries against the ledger.

``python benchmarks/chaos.py --minutes 5 [--seed 7] [--folder DIR] [--json]``

Real processes: mosquitto, the broker node on SQLite, requesters, models, instruments. At random
moments one or several of them get SIGKILL, SIGTERM or SIGSTOP, and come back after a random pause.
A person (this script) activates instruments that ended in mid-action and decides about held
requests. At the end all comes to rest, and `chaos_check` looks for anything lost, doubled, begun
twice or left over. Exit code 0 if there is nothing of the kind; else the folder with diaries, logs
and ledger is kept. The seed fixes what is done to whom and when, not what the processes make of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402
from sqlalchemy.exc import DBAPIError  # noqa: E402
from sqlalchemy.pool import NullPool  # noqa: E402

import labmesh.mosquitto  # noqa: E402
from benchmarks.chaos_check import Findings, check  # noqa: E402
from labmesh.client import LabClient, Visitor, requester, visit  # noqa: E402
from labmesh.mosquitto import BrokerConfig, MosquittoProcess  # noqa: E402
from labmesh.place import Place  # noqa: E402
from messages.errors import ConfigurationError, LabmeshError  # noqa: E402
from messages.ids import NodeId  # noqa: E402
from nodes.broker import open_ledger, transfer  # noqa: E402

SITE: Final = "chaos"
REQUESTERS: Final = ("requester1", "requester2", "requester3")
WORKERS: Final = ("model1", "model2", "instrument1", "instrument2")
LATEST_RECOVERY: Final = 60.0
"""Wall seconds after which a victim that came back counts as not recovered."""
SETTLE: Final = 120.0
"""Wall seconds in which everything must have come to rest once nobody is killed any more."""
EXIT: Final = 20.0
"""Wall seconds in which a process must have ended after SIGTERM."""
_GUARD: Final = Path(labmesh.mosquitto.__file__).with_name("_guard.py")
_WEIGHTS: Final = {"broker": 30, "mosquitto": 18, "requester": 18, "model": 14, "instrument": 20}


@dataclass(slots=True, eq=False)
class Member:
    """A process that may be killed.

    Attributes:
        name: Of the node, or ``mosquitto``.
        kind: The name without its number.
        log: What it says, through all of its lives.
        away: It is down because it was killed, and not to be started by anyone else.
        busy: Something is being done to it.
    """

    name: str
    command: list[str]
    log: Path
    process: asyncio.subprocess.Process | None = None
    away: bool = True
    busy: bool = False

    @property
    def kind(self) -> str:
        """What it is."""
        return self.name.rstrip("0123456789")

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        alive = self.process is not None and self.process.returncode is None
        return self.process.pid if alive and self.process else None

    async def start(self) -> None:
        """Start it; the kernel ends it with this script."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *self.command,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        self.away = False

    async def ended(self, patience: float) -> int | None:
        """Return the exit status, None if it does not end within ``patience`` seconds."""
        if self.process is None:
            return 0
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await self.process.wait()
        return None


class Mosquitto(Member):
    """The MQTT broker as a member."""

    def __init__(self, made: MosquittoProcess) -> None:
        super().__init__("mosquitto", [], made.log_file)
        self.made = made

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.made.pid

    async def start(self) -> None:
        """Start it on its port."""
        await self.made.start()
        self.away = False

    async def ended(self, patience: float) -> int | None:
        """Wait for its end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                if self.made.running:
                    await self.made.wait_died()
                return 0
        return None


@dataclass(slots=True)
class Story:
    """What happened.

    Attributes:
        deeds: How often what was done to whom.
        recovery: Wall seconds from a return to the first new entry in the journal; of a requester
            or worker, the first of its own.
        wrong: What must not be.
        respawns: Starts that failed because something else was down; tried again.
    """

    deeds: Counter[tuple[str, str]] = field(default_factory=Counter)
    recovery: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    respawns: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)


class Chaos:
    """One run.

    Args:
        folder: For everything.
        seed: Of the choices.
        pace: Mean wall seconds between two deeds.
        database_url: An empty PostgreSQL database for the ledger; a SQLite file without one.
    """

    def __init__(self, folder: Path, seed: int, pace: float, database_url: str = "") -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.pace = pace
        self.story = Story()
        self.members: list[Member] = []
        self.database_url = database_url
        self.ledger = folder / "data" / SITE / "broker" / "ledger.sqlite"
        file = f"sqlite:///file:{self.ledger}?mode=ro&uri=true"
        self._engine = create_engine(database_url or file, poolclass=NullPool)
        self._deeds: set[asyncio.Task[None]] = set()
        self._began = time.monotonic()

    def note(self, line: str) -> None:
        """Write to the run's own log."""
        with (self.folder / "chaos.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%T')} +{time.monotonic() - self._began:7.2f} {line}\n")

    # -- starting and ending ----------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Place]:
        """Start everything; end everything, whatever happens."""
        mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=(SITE,)), self.folder / "mosquitto")
        (self.folder / "logs").mkdir(parents=True)
        self.members.append(Mosquitto(mosquitto))
        keeper: asyncio.Task[None] | None = None
        try:
            await self.members[0].start()
            place = Place(mqtt=mosquitto.url, site=SITE)
            for name in ("broker", *WORKERS, *REQUESTERS):
                member = self._member(place, name)
                self.members.append(member)
                await member.start()
                if not name.startswith("requester"):
                    await self._until_in_log(member, "taking|active|data", 30)
            keeper = asyncio.create_task(self._keep(), name="keeper")
            yield place
        finally:
            for task in (*self._deeds, *([keeper] if keeper else [])):
                task.cancel()
            for member in self.members:
                self._signal(member, signal.SIGKILL)
            await asyncio.gather(*(m.ended(EXIT) for m in self.members), return_exceptions=True)
            await mosquitto.stop()

    def _member(self, place: Place, name: str) -> Member:
        kind = name.rstrip("0123456789")
        program = "broker" if kind == "broker" else f"benchmarks.chaos_nodes:{kind.title()}Node"
        command = [
            sys.executable, "-m", "labmesh.node", program, "--site", SITE, "--name", name,
            "--mqtt", place.mqtt, "--data-dir", str(self.folder / "data"),
        ]  # fmt: skip
        if kind == "broker" and self.database_url:
            command += ["--param", f"database_url={self.database_url}"]
        if kind != "broker":
            command += ["--param", f"diary={self.folder / 'diaries' / name}.jsonl"]
        if kind == "requester":
            command += ["--param", f"stop={self.folder / 'stop'}"]
            command += ["--param", f"seed={self.chance.randrange(1 << 30)}"]
        return Member(name, command, self.folder / "logs" / f"{name}.log")

    async def _until_in_log(self, member: Member, words: str, patience: float) -> None:
        """Wait for the first entry a node makes, or for the ledger's readiness."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            text = member.log.read_text(errors="replace") if member.log.exists() else ""
            if member.kind == "broker" and "taking messages" in text:
                return
            if member.kind != "broker" and self._first_entry(-1, member) is not None:
                return
            await asyncio.sleep(0.1)
        raise SystemExit(f"{member.name} did not come up: see {member.log} ({words})")

    async def _keep(self) -> None:
        """Start again whoever ended by himself, as a launch would."""
        while True:
            await asyncio.sleep(0.3)
            for member in self.members:
                if member.away or member.pid is not None:
                    continue
                code = member.process.returncode if member.process else None
                self.story.respawns[member.kind] += 1
                tail = member.log.read_text(errors="replace").splitlines()[-1:]
                self.note(f"{member.name} ended by itself with {code}: {tail}")
                if not any("not connected" in t or "reach" in t or "MQTT" in t for t in tail):
                    self.story.wrong.append(f"{member.name} ended by itself with {code}: {tail}")
                await asyncio.sleep(0.3)
                with suppress(ConfigurationError):
                    await member.start()

    # -- deeds ------------------------------------------------------------------------------

    async def rage(self, seconds: float, tick: Any) -> None:
        """Do harm for a while."""
        end_at = time.monotonic() + seconds
        while (left := end_at - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self.chance.expovariate(1 / self.pace)))
            for _ in range(self.chance.choices((1, 2, 3), (75, 17, 8))[0]):
                # Drawn in any case, so that the same seed draws the same deeds.
                kind = self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
                how = self.chance.choices(("kill", "freeze", "stop"), (55, 25, 20))[0]
                pause = self.chance.uniform(0.0, 8.0 if how == "freeze" else 3.0)
                victim = self.chance.choice([m for m in self.members if m.kind == kind])
                if victim.busy or victim.pid is None:
                    continue
                victim.busy = True
                task = asyncio.create_task(self._harm(victim, how, pause), name=f"{how} {victim}")
                self._deeds.add(task)
                task.add_done_callback(self._deeds.discard)
            tick(seconds - max(left, 0.0))

    async def _harm(self, member: Member, how: str, pause: float) -> None:
        try:
            self.note(f"{how} {member.name} for {pause:.2f} s")
            self.story.deeds[member.kind, how] += 1
            if how == "freeze":
                self._signal(member, signal.SIGSTOP)
                await asyncio.sleep(pause)
                self._signal(member, signal.SIGCONT)
            else:
                member.away = True
                self._signal(member, signal.SIGKILL if how == "kill" else signal.SIGTERM)
                code = await member.ended(EXIT)
                if code is None or (how == "stop" and code not in {0, -signal.SIGTERM}):
                    self.story.wrong.append(
                        f"{member.name} answered SIGTERM with {code} (None: not within {EXIT:g} s)"
                    )
                    self._signal(member, signal.SIGKILL)
                    await member.ended(EXIT)
                await asyncio.sleep(pause)
                await member.start()
            await self._recovery(member, how)
        except Exception as error:  # noqa: BLE001 - the run goes on and says so at the end
            self.story.wrong.append(f"{how} {member.name}: {type(error).__name__}: {error}")
        finally:
            member.away = False
            member.busy = False

    async def _recovery(self, member: Member, how: str) -> None:
        begun, head = time.monotonic(), self._head()
        own = None if member.kind in ("broker", "mosquitto") else member
        while self._first_entry(head, own) is None:
            if time.monotonic() - begun > LATEST_RECOVERY:
                if not (self.folder / "stop").exists():
                    self.story.wrong.append(f"{member.name} did not recover from {how}")
                return
            await asyncio.sleep(0.1)
        took = time.monotonic() - begun
        self.note(f"{member.name} recovered from {how} in {took:.2f} s")
        self.story.recovery[member.kind, how].append(took)

    def _signal(self, member: Member, number: signal.Signals) -> None:
        if (pid := member.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _head(self) -> int:
        return int(self._ask('SELECT MAX("offset") FROM journal') or -1)

    def _first_entry(self, after: int, member: Member | None) -> int | None:
        if member is None:
            found = self._ask('SELECT MIN("offset") FROM journal WHERE "offset" > ?', after)
        else:
            found = self._ask(
                'SELECT "offset" FROM journal WHERE "offset" > ? AND author = ? LIMIT 1',
                after, f"{SITE}/{member.name}",
            )  # fmt: skip
        return found if found is None else int(found)

    def _ask(self, statement: str, *values: Any) -> Any:
        mark = "?" if self._engine.dialect.name == "sqlite" else "%s"
        try:
            with self._engine.connect() as db:
                row = db.exec_driver_sql(statement.replace("?", mark), values).fetchone()
        except DBAPIError:
            return None
        return row[0] if row else None

    # -- the person -------------------------------------------------------------------------

    async def attend(self, visitor: Visitor, lab: LabClient) -> None:
        """Do what people do in a lab: look after instruments and held requests, for ever."""
        while True:
            await asyncio.sleep(1.5)
            for member in self.members:
                if member.kind == "instrument" and member.pid is not None:
                    await self._look_at(visitor, member)
            with suppress(LabmeshError):
                held = await lab.query("query.requests", {"status": ["held"]}, timeout=2)
                for view in held["requests"]:
                    await self._decide(lab, view["id"])

    async def _look_at(self, visitor: Visitor, member: Member) -> None:
        node = NodeId(SITE, member.name)
        with suppress(LabmeshError):
            for _ in range(2):
                reply = await visitor.caller.call(node, "node.ping", {}, timeout=1)
                if reply["state"] != "inactive":
                    return
                await asyncio.sleep(0.5)
            await visitor.caller.call(
                node, "life.change", {"transition": "activate", "reason": "looked at"}, timeout=2
            )
            self.story.decided["instruments activated"] += 1

    async def _decide(self, lab: LabClient, request: Any) -> None:
        decision = "abandon" if self.chance.random() < 0.2 else "release"
        with suppress(LabmeshError, TimeoutError):
            async with asyncio.timeout(10):
                await lab.decide(request, decision, person="the script")  # type: ignore[arg-type]
            self.story.decided[f"held, then: {decision}"] += 1

    # -- coming to rest ---------------------------------------------------------------------

    async def settle(self) -> None:
        """Stop the load, let everything come to rest, end every process in order."""
        (self.folder / "stop").touch()
        if self._deeds:
            await asyncio.wait(self._deeds, timeout=30)
        for task in self._deeds:
            task.cancel()
        begun = time.monotonic()
        quiet = 0
        while quiet < 3 and time.monotonic() - begun < SETTLE:
            quiet = quiet + 1 if self._at_rest() else 0
            await asyncio.sleep(0.5)
        self.note(f"{'at rest' if quiet else 'not at rest'} after {time.monotonic() - begun:.1f} s")
        for member in reversed(self.members):
            member.away = True
            self._signal(member, signal.SIGTERM)
            if await member.ended(EXIT) is None:
                self.story.wrong.append(f"{member.name} does not end on SIGTERM")

    def _at_rest(self) -> bool:
        live = self._ask(
            "SELECT COUNT(*) FROM requests WHERE status IN "
            "('pending', 'reserved', 'running', 'held')"
        )
        if live != 0:
            return False
        for name in REQUESTERS:
            asked: set[str] = set()
            for line in (self.folder / "diaries" / f"{name}.jsonl").read_text().splitlines():
                words = json.loads(line)
                if words["what"] == "submitted":
                    asked.add(words["id"])
                elif words["what"] in ("ended", "refused"):
                    asked.discard(words["id"])
            if asked:
                return False
        return True


async def run(
    folder: Path,
    *,
    minutes: float,
    seed: int,
    pace: float = 2.5,
    database_url: str = "",
    tick: Any = lambda _: None,
) -> tuple[Story, Findings]:
    """Run it; everything has ended when it returns."""
    logging.getLogger("labmesh").setLevel(logging.CRITICAL)
    chaos = Chaos(folder, seed, pace, database_url)
    chaos.note(f"seed {seed}")
    async with (
        asyncio.timeout(minutes * 60 + SETTLE + 180),
        chaos.running() as place,
        visit(place, "person") as visitor,
        requester(visitor) as lab,
    ):
        person = asyncio.create_task(chaos.attend(visitor, lab), name="person")
        try:
            await chaos.rage(minutes * 60, tick)
            await chaos.settle()
        finally:
            person.cancel()
            await asyncio.gather(person, return_exceptions=True)
    if database_url:
        transfer.backup(database_url, chaos.ledger, force=False, tell=lambda *_: None)
    found = check(folder, SITE, list(REQUESTERS), list(WORKERS))
    if database_url:
        with open_ledger(database_url) as ledger:
            differs = ledger.first_difference(lambda *_: None)
        found.expect("tables of the database that differ", [differs] if differs else [])
    for log in sorted((folder / "logs").glob("*.log")):
        count = log.read_text(errors="replace").count("Traceback (most recent call last)")
        found.expect(f"tracebacks in {log.name}", [str(log)] * count)
    found.wrong += chaos.story.wrong
    return chaos.story, found


def figures(story: Story, found: Findings) -> dict[str, Any]:
    """Return everything measured, by name."""
    recovery = {
        f"{kind} {how}": {"times": len(t), "median s": statistics.median(t), "longest s": max(t)}
        for (kind, how), t in sorted(story.recovery.items())
    }
    return {
        **found.counts,
        "deeds": {f"{kind} {how}": n for (kind, how), n in sorted(story.deeds.items())},
        "recovery": recovery,
        "starts that failed and were repeated": dict(story.respawns),
        "decided by the person": dict(story.decided),
        "wrong": found.wrong,
    }


def report(story: Story, found: Findings) -> str:
    """Return the table."""
    lines = [f"{name:<48} {count:>8}" for name, count in found.counts.items()]
    lines.append(
        f"\n{'done to whom':<24} {'times':>6} {'recovered: median s':>20} {'longest s':>10}"
    )
    for key, count in sorted(story.deeds.items()):
        times = story.recovery.get(key)
        took = f"{statistics.median(times):>20.2f} {max(times):>10.2f}" if times else ""
        lines.append(f"{' '.join(key):<24} {count:>6} {took}")
    for name, count in (*story.decided.items(), *story.respawns.items()):
        lines.append(f"{name:<24} {count:>6}")
    lines += ["", *(f"WRONG: {what}" for what in found.wrong)]
    return "\n".join(lines if found.wrong else [*lines, "nothing lost, nothing doubled"])


async def _main(given: argparse.Namespace, folder: Path) -> tuple[Story, Findings]:
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None  # noqa: S101
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, me.cancel)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("chaos", total=given.minutes * 60)
        return await run(
            folder, minutes=given.minutes, seed=given.seed, pace=given.pace,
            database_url=given.database_url, tick=lambda done: bar.update(task, completed=done),
        )  # fmt: skip


def main() -> int:
    """Parse the command line, run, print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--pace", type=float, default=2.5, help="mean seconds between two deeds")
    parser.add_argument("--folder", type=Path, help="keep everything there (must not exist)")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="labmesh-chaos-"))
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        story, found = asyncio.run(_main(given, folder))
    except asyncio.CancelledError:
        print(f"broken off; seed {given.seed}, diaries and logs in {folder}", file=sys.stderr)
        return 130
    if given.json:
        print(json.dumps({"seed": given.seed, **figures(story, found)}, indent=2))
    else:
        print(f"seed {given.seed}, {given.minutes:g} min\n{report(story, found)}")
    if found.wrong:
        print(f"kept: {folder}", file=sys.stderr)
        return 1
    if given.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
