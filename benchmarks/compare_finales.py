"""The same requests to a FINALES 2 server that runs somewhere, and to a Labmesh started here.

Prints requests accepted a second and the time from request to result, of both, and what the
figures mean. The FINALES 2 server is a user's own: only its REST API is used, by one of its users.

What it does there: it posts requests of one capability (`--capability`; by default the first active
one that no active tenant serves, so that nobody's instrument moves), at most `--requests` and
`--seconds` a measurement, all with one tenant uuid of its own (printed); it serves them itself,
no others; in the end what was not resolved is retracted and every result marked as deleted. FINALES
keeps both for good, with these statuses.

Run: ``python benchmarks/compare_finales.py URL USER [PASSWORD] [--seconds 10] [--requests 200]
[--requesters 4] [--interval 1] [--yes] [--json]``. Without PASSWORD it is taken from
FINALES_PASSWORD, else asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.finales_choice import choose
from benchmarks.finales_client import TENANT, Finales, Work
from benchmarks.finales_rates import LOOK, Visit
from benchmarks.roundtrip import mesh, repeat
from labmesh import LabClient
from messages.errors import ConfigurationError, LabmeshError
from messages.model import JsonObject

MEANING: Final = """\
Not the same, and not to be read as if it were:
- Accepted: FINALES 2 answers after its SQLite transaction has been committed, Labmesh after that of
  its ledger (SQLite in WAL mode, synchronous=FULL, the requests of a moment in one transaction).
  Both are on the disk; with SQLite's defaults, which FINALES 2 leaves as they are, a loss of power
  right after the commit may undo it (sqlite.org/pragma.html, synchronous EXTRA). A request of
  Labmesh has its sender's id, so that it can be sent again safely, and an entry in the hash chain.
- Round trip: in FINALES 2 a tenant polls, reserves and posts, and its requester polls. Labmesh
  pushes; a lease guards the order, its worker has a token. The worker does nothing in either.
- Labmesh runs on this machine, ledger, MQTT broker, worker and requesters together. The FINALES 2
  server runs where it runs: `an answer of the server` holds the way there and back.
"""


def main(words: list[str] | None = None) -> int:
    """Ask, measure, print; return the exit code."""
    given = arguments(words)
    try:
        asyncio.run(compare(given))
    except LabmeshError as error:
        print(f"compare_finales: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigurationError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


def arguments(words: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", metavar="URL", help="http://host:port of the FINALES 2 server")
    parser.add_argument("user", metavar="USER")
    parser.add_argument("password", metavar="PASSWORD", nargs="?")
    parser.add_argument("--seconds", type=_positive, default=10.0, help="limit of a measurement")
    parser.add_argument("--requests", type=_count, default=200, help="likewise, on FINALES 2")
    parser.add_argument("--requesters", type=_count, default=4, help="in parallel")
    parser.add_argument(
        "--interval",
        type=_positive,
        default=1.0,
        help="tenant's sleep between polls; 1 s is FINALES 2's default",
    )
    parser.add_argument("--capability", metavar="QUANTITY/METHOD")
    parser.add_argument("--parameters", metavar="JSON", type=_parameters,
                        help="of a request; by default the least its schema asks for")  # fmt: skip
    parser.add_argument("--even-if-served", action="store_true",
                        help="use --capability though active tenants serve it: they may act on "
                        "what is posted")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do not ask before posting")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


async def compare(given: argparse.Namespace) -> None:
    """Measure both, one after the other, and print.

    Raises:
        LabmeshError: The server cannot be reached, refuses, or was not to be used.
    """
    password = given.password or os.environ.get("FINALES_PASSWORD")
    if password is None:
        password = getpass.getpass(f"Password of {given.user} at {given.url}: ")
    finales = Finales(given.url, given.user, password, connections=given.requesters + 1)
    async with finales:
        await finales.login()
        work = await choose(
            finales, given.capability, given.parameters, even_if_served=given.even_if_served
        )
        confirm(given, work)
        theirs = await finales_figures(Visit(finales, work, given.seconds, given.requests), given)
    with tempfile.TemporaryDirectory(prefix="labmesh-compare-") as folder:
        ours = await labmesh_figures(Path(folder), work.parameters, given)
    report(given, work, ours, theirs)


def confirm(given: argparse.Namespace, work: Work) -> None:
    """Say what is about to happen on somebody's server, and ask.

    Raises:
        ConfigurationError: The answer is no, or there is nobody to ask.
    """
    print(
        f"On {given.url}, as {given.user}: up to {5 * given.requests} requests of "
        f"{work.quantity}/{work.method}\nwith {json.dumps(work.parameters)[:300]}\n"
        f"and tenant uuid {TENANT}; retracted or resolved in the end, results marked as deleted.",
        file=sys.stderr,
    )
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody to ask whether to go on", remedy="add --yes if so")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ConfigurationError("nothing was posted")


async def finales_figures(visit: Visit, given: argparse.Namespace) -> dict[str, list[float]]:
    """Return the figures of the FINALES 2 server; whatever happens, clean up there."""
    finales, figures = visit.finales, {}
    try:
        figures["login"] = await repeat(min(given.seconds, 3), finales.login)
        figures["answer"] = await repeat(min(given.seconds, 1), finales.greeting)
        for name, requesters in (("one", 1), ("many", given.requesters)):
            figures[name] = [await visit.accepted(requesters)]
        figures["fast"] = await visit.trips(0)
        figures["interval"] = await visit.trips(given.interval)
        figures["shipped"] = await visit.trips(given.interval, as_shipped=True)
        figures["faults"] = [visit.faults]
    finally:
        left = await visit.clean_up()
        if left:
            print(
                f"compare_finales: not retracted on {given.url}: {', '.join(left)}",
                file=sys.stderr,
            )
    return figures


async def labmesh_figures(
    folder: Path, parameters: JsonObject, given: argparse.Namespace
) -> dict[str, list[float]]:
    """Return the same figures of a Labmesh that carries the same parameters."""
    body = {"payload": parameters}
    async with mesh(folder, given.requesters) as labs:
        trips = await repeat(given.seconds, lambda: labs[0].request("noop", "echo", body))
        one = await accepted(labs[:1], body, given.seconds)
        many = await accepted(labs, body, given.seconds)
    return {"trip": trips, "one": [one], "many": [many]}


async def accepted(labs: list[LabClient], body: JsonObject, seconds: float) -> float:
    """Return the durable receipts a second, one request in flight for each of ``labs``."""
    begun = time.monotonic()
    done = await asyncio.gather(
        *(repeat(seconds, lambda lab=lab: lab.submit("noop", "never", body)) for lab in labs)
    )
    return sum(map(len, done)) / (time.monotonic() - begun)


def report(
    given: argparse.Namespace, work: Work, ours: dict[str, list[float]],
    theirs: dict[str, list[float]],
) -> None:  # fmt: skip
    """Print the table, or JSON."""
    rates = (
        ("requests accepted/s, 1 requester", "one"),
        (f"requests accepted/s, {given.requesters} requesters in parallel", "many"),
    )
    rows = [row(name, ours[key], theirs[key], faster=True) for name, key in rates]
    trip = "request -> result, ms (median)"
    step = f"{given.interval:g} s"
    rows += [
        row(f"{trip}: tenant and requester poll without pause", ours["trip"], theirs["fast"]),
        row(f"{trip}: tenant polls every {step}", ours["trip"], theirs["interval"]),
        row(f"{trip}: every {step}, and logs in before every call, as shipped", ours["trip"],
            theirs["shipped"]),
        row("an answer of the server, ms (median)", None, theirs["answer"]),
        row("a login, ms (median)", None, theirs["login"]),
    ]  # fmt: skip
    faults = int(theirs["faults"][0])
    machine = (f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
               f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    if given.json:
        where = {
            "url": given.url,
            "capability": f"{work.quantity}/{work.method}",
            "parameters": work.parameters,
            "tenant_uuid": TENANT,
            "faults": faults,
        }
        print(json.dumps({"machine": machine, "finales": where, "rows": rows,
                          "meaning": MEANING.splitlines()}, indent=2))  # fmt: skip
        return
    print(f"{machine}; FINALES 2 at {given.url}, {work.quantity}/{work.method}")
    wide = max(len(each["what"]) for each in rows)
    print(f"{'':<{wide}} {'Labmesh':>10} {'FINALES 2':>10} {'ratio':>8} {'n':>12}")
    for each in rows:
        print(f"{each['what']:<{wide}} {cell(each['labmesh'])} {cell(each['finales'])} "
              f"{cell(each['ratio'], 8)} {each['n']:>12}")  # fmt: skip
    print(f"ratio: how many times faster Labmesh is. FINALES 2 answered {faults} requests with 5xx."
          f"\nWhere its tenant pauses, its requester looks every {LOOK * 1000:.0f} ms, and each "
          "request comes at a random moment of the pause.")  # fmt: skip
    print(MEANING, end="")


def row(
    what: str, ours: list[float] | None, theirs: list[float], *, faster: bool = False
) -> dict[str, Any]:
    """Return one row: medians and by how much Labmesh is the faster one."""
    mine = statistics.median(ours) if ours else None
    other = statistics.median(theirs)
    ratio = None if mine is None else mine / other if faster else other / mine
    count = "" if faster else "/".join(str(len(each)) for each in (ours, theirs) if each)
    return {"what": what, "labmesh": mine, "finales": other, "ratio": ratio, "n": count}


def cell(value: float | None, width: int = 10) -> str:
    """Return a number in its column."""
    return f"{'' if value is None else f'{value:.1f}':>{width}}"


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError("is above 0 and below 3600")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError("is 1 to 10000")
    return value


def _parameters(text: str) -> JsonObject:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("is a JSON object")
    return value


if __name__ == "__main__":
    sys.exit(main())
