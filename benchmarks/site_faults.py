"""Break the lines between two labs and their hub in mid-campaign, and hold the ledger to account.

``python benchmarks/site_faults.py [--seconds 120] [--only partition-kit ...] [--json]``

Each fault is a campaign of its own: `launch/two_sites.launch.yaml` as three launches, one a site,
each lab's bridge on a line of its own (tests/support/sites.py). As root, with ``nft``, the program
moves into a network namespace of its own and the kernel drops packets; elsewhere a TCP proxy holds
back. ``--seconds`` is how long partitions and half-open connections last. A fault is survived when
the campaign comes to its end by itself, presence told the truth within 30 s, and the ledger holds
every request with exactly one result, made of exactly what has left the instrument's bottles. Exit
code 0 when all are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.support import Processes  # noqa: E402
from tests.support.sites import (  # noqa: E402
    LABS,
    Observer,
    TwoSites,
    account,
    enter_private_network,
    observe,
    private_network,
)

TRUTH: Final = 30.0
"""Seconds within which a presence must be right."""

HOUR: Final = 3600.0
_PATIENCE: Final = 180.0
_AFTER: Final = 15
"""Seconds after a fault's end in which a storm of messages would show."""


@dataclass(slots=True)
class Trial:
    """One fault, while and after it lasted. Seconds; None where it does not apply.

    Attributes:
        fault: Its name.
        unseen: Until the node beyond it was no longer online to the others.
        back: From its end until that node was online again.
        resumed: From its end until the next measurement.
        total: Of the campaign, from its first measurement to its end.
        peak: Most messages of one second at the hub within 15 s after its end.
        usual: Most messages of one second at the hub before it.
        wrong: What must not be.
    """

    fault: str
    unseen: float | None = None
    back: float | None = None
    resumed: float | None = None
    total: float | None = None
    peak: int = 0
    usual: int = 0
    requests: int = 0
    once: int = 0
    acts: float = 0.0
    held: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
    """What a fault works on."""

    lab: TwoSites
    hub: Observer
    dtu: Observer
    trial: Trial
    seconds: float


Fault = Callable[[Scene], Awaitable[None]]


async def _watch_away(scene: Scene, eyes: Observer, node: str, seconds: float) -> None:
    """Let a fault last, noting when a node is seen to be away."""
    start = time.monotonic()
    away = {"unreachable", "lost"}
    while time.monotonic() - start < seconds:
        if scene.trial.unseen is None and eyes.state(node) in away:
            scene.trial.unseen = time.monotonic() - start
        await asyncio.sleep(0.05)
    if scene.trial.unseen is None:
        scene.trial.wrong.append(f"{node} seemed online for {seconds:.0f} s")


async def _come_back(scene: Scene, eyes: Observer, node: str) -> None:
    scene.trial.back = await eyes.until(node, "online", _PATIENCE)
    if not 0 <= scene.trial.back <= TRUTH:
        scene.trial.wrong.append(f"{node} seemed away {scene.trial.back:.0f} s after the fault")


def cut(site: str) -> Fault:
    """Return a partition of a lab: every packet is dropped, and nobody is told."""

    async def fault(scene: Scene) -> None:
        eyes, node = _sides(scene, site)
        scene.lab.lines[site].lose(1)
        await _watch_away(scene, eyes, node, scene.seconds)
        scene.lab.lines[site].lose(0)
        await _come_back(scene, eyes, node)

    return fault


def half_open(site: str) -> Fault:
    """Return connections that stay open and carry nothing, as behind a NAT that forgot them."""

    async def fault(scene: Scene) -> None:
        eyes, node = _sides(scene, site)
        proxy = scene.lab.lines[site].proxy
        proxy.half_open()
        await _watch_away(scene, eyes, node, scene.seconds)
        # What the forgotten connections held back is lost with them.
        await proxy.cut()
        proxy.heal()
        await _come_back(scene, eyes, node)

    return fault


def frozen(site: str) -> Fault:
    """Return an MQTT broker that stops answering."""

    async def fault(scene: Scene) -> None:
        eyes, node = _sides(scene, site)
        if site == "hub":
            eyes, node = scene.dtu, "kit/asab"
        scene.lab.stop(site, signal.SIGSTOP)
        await _watch_away(scene, eyes, node, TRUTH + 5)
        scene.lab.stop(site, signal.SIGCONT)
        await _come_back(scene, eyes, node)

    return fault


async def resets(scene: Scene) -> None:
    """Reset every connection between the sites, again and again."""
    for _ in range(8):
        for site in LABS:
            await scene.lab.lines[site].proxy.cut()
        await asyncio.sleep(3)
    await _come_back(scene, scene.hub, "kit/asab")


def loss(part: float) -> Fault:
    """Return a loss of this part of all packets, for the rest of the campaign."""

    async def fault(scene: Scene) -> None:
        for site in LABS:
            scene.lab.lines[site].lose(part)

    return fault


async def delay(scene: Scene) -> None:
    """Delay every byte between the sites, for the rest of the campaign."""
    for site in LABS:
        scene.lab.lines[site].proxy.delay = 0.4


def killed(*what: str) -> Fault:
    """Return a ``kill -9`` at the hub; the launch there starts again what died."""

    async def fault(scene: Scene) -> None:
        for name in what:
            scene.lab.kill("hub", name)
        await asyncio.sleep(3)
        await _come_back(scene, scene.dtu, "hub/broker")

    return fault


async def nothing(scene: Scene) -> None:
    """Do nothing: the figures to compare with."""


async def named(scene: Scene) -> None:
    """Do nothing, the clocks are wrong from the start; the ledger must have said whose."""
    pattern = r"the clock of \S+ is 3\d\d\d s (ahead|behind)"
    await scene.lab.launches["hub"].wait_line(pattern, timeout=TRUTH)


FAULTS: Final[dict[str, tuple[Fault, dict[str, float]]]] = {
    "none": (nothing, {}),
    "loss-20%": (loss(0.2), {}),
    "delay-400ms": (delay, {}),
    "resets": (resets, {}),
    "partition-kit": (cut("kit"), {}),
    "partition-dtu": (cut("dtu"), {}),
    "half-open-kit": (half_open("kit"), {}),
    "half-open-dtu": (half_open("dtu"), {}),
    "frozen-kit": (frozen("kit"), {}),
    "frozen-hub": (frozen("hub"), {}),
    "kill-hub-mqtt": (killed("mqtt_broker"), {}),
    "kill-ledger": (killed("broker"), {}),
    "kill-hub-both": (killed("mqtt_broker", "broker"), {}),
    "kit-hour-ahead": (named, {"kit": HOUR}),
    "kit-hour-behind": (named, {"kit": -HOUR}),
    "dtu-hour-ahead": (named, {"dtu": HOUR}),
    "dtu-hour-behind": (named, {"dtu": -HOUR}),
    "hub-hour-ahead": (named, {"hub": HOUR}),
    "hub-hour-behind": (named, {"hub": -HOUR}),
}
"""What is tried, with the seconds by which the clocks of sites are wrong."""


def _sides(scene: Scene, site: str) -> tuple[Observer, str]:
    """Return who looks, and at whom beyond the fault."""
    return (scene.hub, "kit/asab") if site == "kit" else (scene.dtu, "hub/broker")


async def run(name: str, folder: Path, *, seconds: float, budget: int) -> Trial:
    """Run one campaign with one fault in it."""
    fault, skew = FAULTS[name]
    trial = Trial(name)
    processes = Processes(folder)
    try:
        async with TwoSites(
            processes, folder / "data", f"budget:={budget}", "campaign:=faults", skew=skew
        ) as lab:
            await _campaign(lab, fault, trial, seconds=seconds, budget=budget)
    except AssertionError as error:
        trial.wrong.append(str(error).partition("\n")[0])
        (folder / "launches.log").write_text(
            "\n\n".join(running.output for running in lab.launches.values())
        )
    finally:
        await processes.close()
    await asyncio.to_thread(_hold_to_account, folder / "data", trial, budget)
    return trial


async def _campaign(
    lab: TwoSites, fault: Fault, trial: Trial, *, seconds: float, budget: int
) -> None:
    await lab.measured(2)
    start = time.monotonic()
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(observe(lab.hub_url, "hub"))
        dtu = await stack.enter_async_context(observe(lab.url("dtu"), "dtu"))
        await lab.measured(4)
        trial.usual = max(list(hub.per_second.values())[1:], default=0)
        measured = lab.count()
        await fault(Scene(lab, hub, dtu, trial, seconds))
        healed = time.monotonic()
        measured = lab.count()
        if measured < budget:
            trial.resumed = await lab.measured(measured + 1, patience=_PATIENCE)
        await asyncio.sleep(max(0.0, healed + _AFTER - time.monotonic()))
        first = int(healed)
        trial.peak = max(hub.per_second[first + i] for i in range(_AFTER))
    await lab.ended(patience=_PATIENCE)
    trial.total = time.monotonic() - start


def _hold_to_account(folder: Path, trial: Trial, budget: int) -> None:
    found = account(folder)
    trial.requests, trial.once = found.requests, found.resolved
    trial.acts, trial.held = found.acts, found.held
    trial.wrong += found.wrong
    if found.requests != budget:
        trial.wrong.append(f"{found.requests} requests in a campaign of {budget}")
    if trial.unseen is not None and trial.unseen > TRUTH:
        trial.wrong.append(f"presence was wrong for {trial.unseen:.0f} s")


def _table(trials: list[Trial]) -> Table:
    how = "packets dropped by nft" if private_network() else "a TCP proxy holds back"
    table = Table(title=f"faults between sites ({how}); seconds")
    table.add_column("fault")
    for column in ("away seen", "back seen", "resumed", "campaign", "requests", "one result",
                   "acts", "held", "msg/s before", "peak after", "survived"):  # fmt: skip
        table.add_column(column, justify="right")
    for t in trials:
        times = ("-" if v is None else f"{v:.1f}" for v in (t.unseen, t.back, t.resumed, t.total))
        table.add_row(
            t.fault, *times, str(t.requests), str(t.once), f"{t.acts:.2f}", str(t.held),
            str(t.usual), str(t.peak), "no" if t.wrong else "yes",
        )  # fmt: skip
    return table


async def _main(arguments: argparse.Namespace, console: Console) -> list[Trial]:
    trials = []
    for name in arguments.only or FAULTS:
        folder = Path(tempfile.mkdtemp(prefix=f"labmesh-{name.strip('%')}-", dir=arguments.folder))
        trial = await run(name, folder, seconds=arguments.seconds, budget=arguments.budget)
        trials.append(trial)
        verdict = (
            f"NOT survived ({folder}): {'; '.join(trial.wrong)}" if trial.wrong else "survived"
        )
        console.print(f"{name}: {verdict}", highlight=False)
    return trials


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="of partitions")
    parser.add_argument("--budget", type=int, default=10, help="measurements of a campaign")
    parser.add_argument("--only", nargs="+", choices=FAULTS, help="these faults")
    parser.add_argument("--folder", help="where data are kept")
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    arguments = parser.parse_args()
    enter_private_network()
    # That a connection is lost is what this is about.
    logging.getLogger("labmesh").setLevel(logging.CRITICAL)
    console = Console(stderr=arguments.json, width=140)
    trials = asyncio.run(_main(arguments, console))
    survived = sum(not trial.wrong for trial in trials)
    if arguments.json:
        print(json.dumps([asdict(trial) for trial in trials], indent=2))
    else:
        console.print(_table(trials))
        console.print(f"{survived} of {len(trials)} survived")
    sys.exit(0 if survived == len(trials) else 1)


if __name__ == "__main__":
    main()
