"""The nodes as they say of themselves, and what does not fit together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from labmesh.cli._doctor._finding import Finding, Grade, fail, fine, warn
from labmesh.cli._doctor._look import Look
from labmesh.cli._format import duration, one_line
from labmesh.cli._survey import NodeSeen
from messages.errors import TopicError
from messages.ids import NodeId
from messages.node import Level, State
from messages.topics import parse_topic


def nodes(look: Look) -> Iterator[Finding]:
    """Check presences, states and diagnostics."""
    now = time.time_ns()
    said = [*_links(look), *_presences(look, now)]
    for node in look.nodes.values():
        if node.state == "online":
            said += _fares(node, look, now)
    yield from said
    online = sum(node.state == "online" for node in look.nodes.values())
    if not online:
        yield warn("nodes", "no node is online", "labmesh launch FILE, or labmesh launch --resume")
    elif not said:
        yield fine("nodes", f"{online} online, all active, none complains")
    else:
        yield fine("nodes", f"{online} online", nodes=[str(each) for each in look.nodes])


def _links(look: Look) -> Iterator[Finding]:
    for reason in sorted({node.cut_off for node in look.nodes.values() if node.cut_off}):
        cut = [str(node.id) for node in look.nodes.values() if node.cut_off == reason]
        yield fail(
            "links", f"{reason}: {len(cut)} nodes are not reached",
            "look at the bridge and the network of that site; its work goes on there", nodes=cut,
        )  # fmt: skip


def _presences(look: Look, now: int) -> Iterator[Finding]:
    for node in look.nodes.values():
        if node.presence is not None and node.state == "lost":
            # A will has the birth's stamps: since when it is lost nobody has noted.
            at = f"pid {node.presence.pid} on {node.presence.host}"
            age = duration((now - node.presence.since) / 1e9)
            yield fail(
                "nodes", f"{node.id} is lost: it ended without a word ({at}, born {age} ago)",
                f"labmesh launch restart {node.id}", **node.presence.model_dump(mode="json"),
            )  # fmt: skip
        if node.presence is None and node.descriptor is not None:
            yield warn(
                "presence", f"{node.id} has left a descriptor and no presence",
                f"labmesh topic clear '~{node.id}/node/desc'",
            )  # fmt: skip
    for name, instances in look.alive.items():
        online = sorted(key for key, each in instances.items() if each.state == "online")
        if len(online) > 1:
            where = ", ".join(f"{instances[k].host} pid {instances[k].pid}" for k in online)
            yield fail(
                "presence", f"{name} is there {len(online)} times: {where}", "stop all but one"
            )


def _fares(node: NodeSeen, look: Look, now: int) -> Iterator[Finding]:
    if node.life is not None and node.life.state is not State.ACTIVE:
        reason = f": {one_line(node.life.reason, 200)}" if node.life.reason else ""
        yield warn(
            "lifecycle", f"{node.id} is {node.lifecycle}{reason}",
            f"labmesh lifecycle set {node.id} "
            + ("activate" if node.life.state is State.INACTIVE else "configure"),
        )  # fmt: skip
    for component, each in node.diagnostics.items():
        heard = look.diagnosed.get((node.id, component), now)
        silent = (now - heard) / 1e9
        if each.stale_after is not None and silent > each.stale_after and not look.simulated:
            yield fail(
                "diagnostics",
                f"{node.id} {component}: nothing heard for {duration(silent)}, it stands still",
                f"labmesh node info {node.id}",
            )
        elif each.level is not Level.OK:
            grade = Grade.FAIL if each.level is Level.ERROR else Grade.WARN
            remedy = each.remedy or f"labmesh node info {node.id}"
            what = f"{node.id} {component}: {one_line(each.message, 200)}"
            yield Finding(grade, "diagnostics", what, remedy, dict(each.values))
        waiting = each.values.get("outbox", 0)
        # While the ledger answers, what waits is on its way.
        if isinstance(waiting, int) and waiting > 0 and not _has_ledger(node, look):
            yield warn(
                "outbox", f"{waiting} messages of {node.id} wait for the ledger, which is away",
                f"labmesh launch restart {node.descriptor and node.descriptor.ledger}; they are "
                "sent until it answers", waiting=waiting,
            )  # fmt: skip


def _has_ledger(node: NodeSeen, look: Look) -> bool:
    name = node.descriptor.ledger if node.descriptor else None
    ledger = look.nodes.get(NodeId.parse(name)) if name else None
    return ledger is not None and ledger.state == "online"


def contracts(look: Look) -> Iterator[Finding]:
    """Check that schemas agree, and that somebody offers what is asked for."""
    online = [node for node in look.nodes.values() if node.state == "online"]
    here = {str(node.id) for node in online}
    differing = 0
    # A message type is the mesh's; what only a service takes or gives has a name of its node's own.
    types = {kind: versions for kind, versions in look.schemas.items() if "@" in kind}
    for kind, versions in sorted(types.items()):
        used = {digest: [n for n in by if n in here] for digest, by in versions.items()}
        used = {digest: by for digest, by in used.items() if by}
        if len(used) > 1:
            differing += 1
            words = "; ".join(f"{digest[:12]} at {_some(by)}" for digest, by in used.items())
            yield fail(
                "schemas", f"{kind} is not the same everywhere: {words}",
                "install one version of its package on all machines, and start the nodes anew",
                **used,
            )  # fmt: skip
    for reason in sorted({_without_place(text) for text in look.foreign.values()}):
        yield warn("schemas", reason, "pip install --upgrade the package here, or there")
    if not differing:
        yield fine("schemas", f"{len(types)} types, each the same everywhere")
    offered = {(offer.quantity, offer.method) for node in online for offer in node.offers}
    missing: dict[str, list[str]] = {}
    for node in online:
        for wanted in node.descriptor.requests if node.descriptor else ():
            if tuple(wanted.split("/")) not in offered:
                missing.setdefault(wanted, []).append(str(node.id))
    for wanted, by in sorted(missing.items()):
        yield warn(
            "capabilities", f"{_some(by)} will ask for {wanted}, which nobody offers",
            f"labmesh capability show {wanted}; start or activate a node that offers it",
        )  # fmt: skip
    if not missing:
        yield fine("capabilities", f"{len(offered)} offered, none asked for in vain")


def stops(look: Look) -> Iterator[Finding]:
    """Check for emergency stops that stand."""
    for _, stop in sorted(look.stops.items()):
        by = f"{stop.author} ({stop.by})" if stop.by else stop.author
        why = f": {stop.reason}" if stop.reason else ""
        yield fail(
            "stops", f"{by} has stopped {stop.where}{why}",
            "labmesh estop status shows who has stopped; once all is well: labmesh estop lift",
        )  # fmt: skip


def leftovers(look: Look) -> Iterator[Finding]:
    """Check for what is retained and of no use."""
    for topic, reason in sorted(look.garbage.items()):
        yield warn(
            "retained", f"{topic} is no message of ours: {one_line(reason, 120)}",
            f"labmesh topic clear '{topic}'" if _has_author(topic) else
            f"mosquitto_pub -r -n -t '{topic}'",
        )  # fmt: skip
    if not look.garbage:
        yield fine("retained", "nothing unreadable is retained")


def silent(look: Look, unanswered: Iterable[NodeId], seconds: float) -> Iterator[Finding]:
    """Return a finding for every node that is online and did not answer."""
    for name in sorted(unanswered):
        presence = look.nodes[name].presence
        at = f" (pid {presence.pid} on {presence.host})" if presence else ""
        yield fail(
            "presence", f"{name} is online and does not answer within {seconds:g} s{at}",
            f"labmesh launch restart {name}",
        )  # fmt: skip


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} others" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _without_place(text: str) -> str:
    return one_line(text.partition("; ")[0], 160)


def _has_author(topic: str) -> bool:
    try:
        parse_topic(topic)
    except TopicError:
        return False
    return True
