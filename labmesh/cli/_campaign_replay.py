"""``labmesh campaign replay``: a campaign run again against what the ledger holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from labmesh.cli._data import read_data
from labmesh.cli._records import FileRecords, collect, find_ledger_file, open_file
from labmesh.cli._replay_compare import Difference, first_difference
from labmesh.cli._session import Session, record_command
from labmesh.cli._suggest import unknown
from messages.campaign import METHOD, QUANTITY, CampaignPlan
from messages.envelope import validate
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId
from messages.query import RequestView, ResultView

LAUNCH_FILE: Final = Path(__file__).parents[2] / "launch" / "replay.launch.yaml"

_LABMESH: Final = "import sys; from labmesh.cli import main; sys.exit(main())"
_PATIENCE: Final = 20.0
"""Wall seconds that the launch has to end after Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A campaign as a ledger has it.

    Attributes:
        requests: Of its author, in their order.
        plan: Its settings, None where they are not on record.
        author: Who asked.
    """

    requests: list[RequestView]
    plan: CampaignPlan | None
    author: NodeId


@click.command("replay")
@click.argument("name", metavar="CAMPAIGN")
@click.option(
    "--into", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Keep the new ledger and the logs in DIR.",
)  # fmt: skip
@click.option(
    "--campaign-file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="This one instead of the settings on record.",
)  # fmt: skip
@click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Instead of the recorded.")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True,
    help="Another setting: strategy.name=random, budget=5; may be repeated.",
)  # fmt: skip
@click.option(
    "--sim-rate", metavar="R", type=click.FloatRange(min=0), default=0.0,
    help="Let answers take as long as recorded, in time that runs R times as fast.",
)  # fmt: skip
@click.option(
    "--launch-file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    default=LAUNCH_FILE, help="Instead of launch/replay.launch.yaml.",
)  # fmt: skip
@click.option(
    "--against", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Run nothing: compare with the campaign in this ledger file.",
)  # fmt: skip
@record_command
async def replay(
    session: Session,
    name: str,
    *,
    into: Path | None,
    campaign_file: Path | None,
    seed: int | None,
    changes: tuple[str, ...],
    sim_rate: float,
    launch_file: Path,
    against: Path | None,
) -> None:
    """Run a campaign again, in a mesh of its own, against the answers in the ledger.

    Says whether it decides as it did: exit code 0, or 1 and the first difference. Nothing is
    measured and the ledger is only read.
    """
    file = find_ledger_file(session)
    recorded = await _recorded(file, name)
    if against is not None:
        _say(session, name, recorded, await _recorded(against, name), 0, "")
        return
    plan = settings_of(recorded, campaign_file, changes)
    number = seed if seed is not None else recorded.plan.seed if recorded.plan else 0
    _check_there(launch_file)
    with _folder(into) as folder:
        settings = folder / "campaign.yaml"
        _write(settings, plan)
        arguments = {
            "ledger": str(file.resolve()), "campaign": name, "campaign_file": str(settings),
            "seed": number, "site": recorded.author.site, "sim_rate": sim_rate,
        }  # fmt: skip
        code, words = await _launch(session, launch_file, arguments, folder)
        new = folder / recorded.author.site / "broker" / "ledger.sqlite"
        replayed = await _recorded(new, name, needed=False) if _is_there(new) else None
        if replayed is None or (code and not replayed.requests):
            raise LabmeshError(
                f"the campaign did not begin: {words}", remedy="--into DIR keeps the logs"
            )
    _say(session, name, recorded, replayed, code, words)


async def _recorded(file: Path, name: str, *, needed: bool = True) -> Recorded:
    """Read a campaign: its settings, and the requests of whoever has posted them.

    Raises:
        LabmeshError: The ledger knows no such campaign.
    """
    mine = {"campaign": name}
    with closing(open_file(file)) as ledger:
        source = FileRecords(ledger)
        items = await collect(source, "query.requests", "requests", mine, None)
        requests = [validate(RequestView, item, where="request") for item in items]
        if not requests and needed:
            everything = await collect(source, "query.requests", "requests", {}, None)
            known = {str(item["campaign"]) for item in everything if item["campaign"]}
            raise unknown("campaign", name, known, look="labmesh campaign list")
        chosen = {**mine, "quantity": QUANTITY, "method": METHOD}
        items = await collect(source, "query.results", "results", chosen, None)
    plans = [validate(ResultView, item, where="result") for item in items]
    requests.sort(key=lambda each: each.offset)
    if not plans:
        author = requests[0].author if requests else "kit/optimiser"
        return Recorded([r for r in requests if r.author == author], None, NodeId.parse(author))
    last = max(plans, key=lambda each: each.offset)
    plan = validate(CampaignPlan, last.data, where="plan")
    own = [each for each in requests if each.author == last.author]
    return Recorded(own, plan, NodeId.parse(last.author))


def settings_of(
    recorded: Recorded, campaign_file: Path | None, changes: tuple[str, ...]
) -> dict[str, Any]:
    """Return the campaign file to run, with the changes that are wanted.

    Raises:
        ConfigurationError: A change is none, or no settings are known.
    """
    plan: dict[str, Any]
    if campaign_file is not None:
        plan = read_data(f"@{campaign_file}", what="the campaign file")
        base = campaign_file.parent.resolve()
    elif recorded.plan is not None:
        plan, base = json.loads(recorded.plan.plan), Path(recorded.plan.folder)
    else:
        raise ConfigurationError(
            "the settings of this campaign are not on record",
            remedy="name its campaign file with --campaign-file, and --seed",
        )
    for table in (plan.get("consume") or {}).get("datasets") or ():
        if table.get("file"):
            # The file moves to the replay's folder; what it names does not.
            table["file"] = str(base / table["file"])
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path:
            raise ConfigurationError(
                f"{change!r} is no setting", remedy="write KEY=VALUE, as in strategy.name=random"
            )
        *above, last = path.split(".")
        at = plan
        for key in above:
            inner = at.get(key)
            at[key] = at = dict(inner) if isinstance(inner, dict) else {}
        at[last] = _value(value)
    return plan


def _value(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _write(file: Path, plan: dict[str, Any]) -> None:
    import yaml

    file.write_text(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _is_there(file: Path) -> bool:
    return file.is_file()


def _check_there(launch_file: Path) -> None:
    if not _is_there(launch_file):
        raise ConfigurationError(
            "is not there", where=str(launch_file), remedy="name it with --launch-file"
        )


@contextmanager
def _folder(into: Path | None) -> Iterator[Path]:
    """Yield the folder of the replay: the given one, which must be new or empty, or a passing one.

    Raises:
        ConfigurationError: There is something in it.
    """
    if into is None:
        with tempfile.TemporaryDirectory(prefix="labmesh-replay-") as folder:
            yield Path(folder)
        return
    into = into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise ConfigurationError(
            "is not empty", where=str(into), remedy="a replay begins with a new ledger"
        )
    yield into


async def _launch(
    session: Session, file: Path, arguments: dict[str, Any], folder: Path
) -> tuple[int, str]:
    """Run the launch to its end; return its exit code and the last words of the optimiser."""
    # The mesh outside is none of the replay's business.
    outside = {key: value for key, value in os.environ.items() if not key.startswith("LABMESH_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LABMESH, "launch", str(file),
        *(f"{key}:={value}" for key, value in arguments.items()), "--data-dir", str(folder),
        "--no-color", env=outside, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True, limit=1 << 20,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    words = ""
    try:
        with (folder / "replay.log").open("w", encoding="utf-8") as log:
            async for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip()
                log.write(f"{line}\n")
                if "[optimiser]" in line or "[recorded]" in line:
                    words = line.partition("] ")[2] or words
                    if not session.out.as_json:
                        session.out.text(line)
                elif not words:
                    words = line
        return await process.wait(), words
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a launch with all that it started."""
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _say(
    session: Session, name: str, recorded: Recorded, replayed: Recorded, code: int, words: str
) -> None:
    difference = first_difference(recorded.requests, replayed.requests)
    total = len(recorded.requests)
    same = total if difference is None else difference.number - 1
    prior = _prior(recorded, replayed)
    versions = _versions(recorded, replayed)
    statuses = Counter(request.status.value for request in replayed.requests)
    if session.out.as_json:
        session.out.document(
            {
                "campaign": name,
                "recorded": total,
                "replayed": len(replayed.requests),
                "same": same,
                "identical": difference is None,
                "first_difference": None if difference is None else _plain(difference),
                "statuses": dict(statuses),
                "prior": prior,
                "versions": versions,
                "exit_code": code,
            }
        )
    elif difference is None:
        session.out.text(f"same decisions: {same} of {total}")
    else:
        session.out.text(f"decisions differ: {same} of {total} are the same")
        session.out.text(str(difference))
        session.out.text(
            f"replayed: {len(replayed.requests)} requests, "
            + ", ".join(f"{count} {status}" for status, count in statuses.most_common())
        )
        if code:
            session.out.remark(f"it ended early: {words}")
    if not session.out.as_json:
        if prior is not None and prior[0] != prior[1]:
            session.out.remark(
                f"what it knew before the first request was {prior[0]}, is {prior[1]}"
            )
        for package, (then, now) in versions.items():
            session.out.remark(f"{package} was {then} and is {now}")
    if difference is not None:
        raise click.exceptions.Exit(1)


def _prior(recorded: Recorded, replayed: Recorded) -> tuple[str, str] | None:
    """Return what the two campaigns knew before, as they say it; None where one does not."""
    if recorded.plan is None or replayed.plan is None:
        return None
    then, now = (
        f"{each.plan.prior.observations} values ({each.plan.prior.sha256[:12]})"
        for each in (recorded, replayed)
        if each.plan is not None
    )
    return then, now


def _versions(recorded: Recorded, replayed: Recorded) -> dict[str, tuple[str, str]]:
    if recorded.plan is None or replayed.plan is None:
        return {}
    then, now = recorded.plan.versions, replayed.plan.versions
    return {
        package: (then.get(package, "none"), now.get(package, "none"))
        for package in sorted({*then, *now})
        if then.get(package) != now.get(package)
    }


def _plain(difference: Difference) -> dict[str, Any]:
    return {
        "request": difference.number,
        "what": difference.what,
        "recorded": difference.recorded,
        "replayed": difference.replayed,
    }
