"""The front door: from a file and arguments to a plan that is fit to run, or all its mistakes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labmesh.launch._accounts import at_accounts, check_accounts, site_accounts
from labmesh.launch._check import check_plan
from labmesh.launch._coverage import may_be_elsewhere, missing_capabilities
from labmesh.launch._limits import Limits
from labmesh.launch._plan import Plan
from labmesh.launch._problem import COMMAND_LINE, LaunchError, Problems, did_you_mean
from labmesh.launch._resolve import resolve
from labmesh.launch._world import World
from messages.errors import ConfigurationError


def load_plan(
    file: str | Path,
    arguments: Mapping[str, Any] | None = None,
    *,
    only_site: str | None = None,
    world: World | None = None,
    limits: Limits | None = None,
    accounts: Path | None = None,
    check: bool = True,
    held: Collection[int] = (),
) -> Plan:
    """Return the resolved and checked plan of a launch file; nothing is started.

    Args:
        file: The launch file.
        arguments: Values for its arguments; a text is read as the argument's type.
        only_site: The site whose part is to be started: the plan must have some for it. Programs
            of other sites need not be installed here.
        world: What the file sees outside itself; by default, the real one.
        limits: What it may do; by default what LABMESH_LAUNCH_LIMITS names, or everything.
        accounts: Folder of account files, or one for all, whose MQTT broker takes the place of
            the file's; by default what LABMESH_ACCOUNTS names.
        check: False leaves out what `check_plan` finds (programs, parameters, ports), and
            capabilities that nobody can offer.
        held: TCP ports that are ours already, and free in that sense.

    Raises:
        LaunchError: With every mistake found, each with its position and what to do.
    """
    problems = Problems()
    limits = limits or Limits.of_environment()
    if limits is not None:
        world = replace(world or World(), root=limits.root)
    plan = resolve(Path(file), arguments or {}, problems, world)
    folder = site_accounts(accounts)
    if plan is not None and folder is not None:
        plan = at_accounts(plan, folder)
    if plan is not None and limits is not None:
        # First: what may not run is not imported either.
        limits.check(plan if only_site is None else plan.at_site(only_site), problems)
        problems.raise_if_any()
    if plan is not None and check:
        if folder is not None:
            check_accounts(plan if only_site is None else plan.at_site(only_site), folder, problems)
        check_plan(plan, problems, only_site=only_site, held=held)
        if not problems.found and not may_be_elsewhere(plan, only_site):
            for missing in missing_capabilities(plan):
                problems.add(missing.position, missing.what, missing.remedy)
    if plan is not None and only_site is not None and not problems.incomplete:
        sites = {process.site for process in plan.processes()}
        if only_site not in sites:
            problems.add(
                COMMAND_LINE,
                f"nothing here is at site {only_site!r}",
                did_you_mean(only_site, sites),
            )
    problems.raise_if_any()
    assert plan is not None  # noqa: S101 - no plan means a problem
    return plan


def declared_arguments(
    file: str | Path,
    arguments: Mapping[str, Any] | None = None,
    *,
    world: World | None = None,
) -> Plan:
    """Return the plan as far as it goes, for its arguments alone: required ones may be missing.

    In a world with a ``root`` nothing is run on the way, neither Python nor a program.

    Raises:
        LaunchError: The file cannot be read as a launch file at all.
    """
    problems = Problems()
    limits = Limits.of_environment()
    world = World() if limits is None else World(root=limits.root)
    plan = resolve(Path(file), arguments or {}, problems, world)
    if plan is None:
        raise LaunchError(problems.found)
    return plan


def parse_arguments(words: Sequence[str]) -> dict[str, str]:
    """Return ``name:=value`` words as a map.

    Raises:
        ConfigurationError: A word is not of that form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, assign, value = word.partition(":=")
        if not assign or not name:
            raise ConfigurationError(
                f"{word!r} is not an argument",
                where="command line",
                remedy="write it as name:=value",
            )
        if name in found:
            raise ConfigurationError(f"argument {name!r} is given twice", where="command line")
        found[name] = value
    return found
