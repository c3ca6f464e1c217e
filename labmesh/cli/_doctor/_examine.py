"""All checks, in the order in which one builds on the other."""

from __future__ import annotations

from labmesh.cli._doctor._calls import clocks, ping_all
from labmesh.cli._doctor._files import files
from labmesh.cli._doctor._finding import ORDER, Finding, fail, fine, warn
from labmesh.cli._doctor._installation import installation
from labmesh.cli._doctor._ledger import ledger
from labmesh.cli._doctor._look import look
from labmesh.cli._doctor._mqtt_broker import limits, rights
from labmesh.cli._doctor._nodes import contracts, leftovers, nodes, silent, stops
from labmesh.cli._session import Session
from labmesh.client import Visitor
from messages.errors import ConfigurationError, LabmeshError, NotConnectedError


async def examine(session: Session) -> list[Finding]:
    """Return the findings, worst first. What cannot be reached is a finding, no error."""
    found = [*installation(), *files(session.folder)]
    try:
        place = session.place()
    except ConfigurationError as error:
        found.append(warn("mesh", error.what, error.remedy))
        return _sorted(found)
    try:
        async with session.visit() as visitor:
            found.append(fine("mqtt broker", f"{place.mqtt} answers", realm=place.realm))
            found += await _of_mesh(visitor, session.patience)
    except NotConnectedError as error:
        found.append(fail("mqtt broker", error.what, error.remedy))
    except LabmeshError as error:
        found.append(fail("mesh", error.what, error.remedy))
    return _sorted(found)


async def _of_mesh(visitor: Visitor, patience: float) -> list[Finding]:
    found = [*limits(visitor), *await rights(visitor, patience)]
    seen = await look(visitor, patience)
    found += await ledger(visitor, seen, patience)
    found += [*stops(seen), *nodes(seen), *contracts(seen), *leftovers(seen)]
    online = [node.id for node in seen.nodes.values() if node.state == "online"]
    answers = await ping_all(visitor, online, min(patience, 3.0))
    mute = [name for name, answer in answers.items() if answer is None]
    found += silent(seen, mute, min(patience, 3.0))
    found += clocks(answers, simulated=seen.simulated)
    return found


def _sorted(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda each: ORDER.index(each.grade))
