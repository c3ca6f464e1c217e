"""Every node is called: does it answer, and does its clock agree with ours?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from labmesh.client import Visitor
from messages.envelope import Header
from messages.errors import PublishRefusedError
from messages.ids import NodeId, new_id
from messages.node import Call, Reply
from messages.topics import Topic

_SKEWED: Final = 0.5
_BROKEN: Final = 3.0
"""Seconds: time stamps mislead from the first on; from the second on calls, which end after 5 s,
begin to fail before they arrive."""

_AT_ONCE: Final = 200
"""Calls under way, so that answers are not late because of us."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a node answered a ping.

    Attributes:
        ahead: Seconds that its clock is ahead of ours.
        unsure: By how much that may be wrong: half the time that the answer took.
    """

    ahead: float
    unsure: float


async def ping_all(
    visitor: Visitor, nodes: Iterable[NodeId], patience: float
) -> dict[NodeId, Answer | None]:
    """Call ``node.ping`` of every node; None for those that do not answer in time.

    Those that one may not call are left out. Answers are read from their envelopes, whose stamps
    say when a node wrote them.
    """
    mesh = visitor.mesh
    waiting: dict[UUID, asyncio.Future[int]] = {}
    forbidden: set[NodeId] = set()
    gate = asyncio.Semaphore(_AT_ONCE)

    def take(reply: Reply, header: Header, _topic: Topic) -> None:
        future = waiting.get(reply.call)
        if future is not None and not future.done():
            future.set_result(header.stamp)

    async def ping(node: NodeId) -> Answer | None:
        identity = new_id()
        future = waiting[identity] = asyncio.get_running_loop().create_future()
        async with gate:
            begun = time.time_ns()
            deadline = begun + int(patience * 1e9)
            call = Call(arguments={}, instance=mesh.instance, deadline=deadline)
            try:
                async with asyncio.timeout(patience):
                    topic = mesh.topics.to("call", node, "node.ping")
                    await mesh.send(topic, call, expiry=patience, id=identity)
                    stamp = await future
            except TimeoutError:
                return None
            except PublishRefusedError:
                forbidden.add(node)
                return None
            ended = time.time_ns()
        return Answer((stamp - (begun + ended) / 2) / 1e9, (ended - begun) / 2e9)

    subscription = await mesh.on_message(mesh.topics.to_me("reply", mesh.instance), Reply, take)
    names = list(nodes)
    answers = await asyncio.gather(*map(ping, names))
    await subscription.cancel()
    found = dict(zip(names, answers, strict=True))
    return {name: found[name] for name in names if name not in forbidden}


def clocks(answers: dict[NodeId, Answer | None], *, simulated: bool) -> Iterator[Finding]:
    """Compare the nodes' clocks with ours, which is as good as with one another's."""
    known = {name: each for name, each in answers.items() if each is not None}
    details = {str(name): round(each.ahead, 4) for name, each in known.items()}
    if simulated:
        yield fine("clocks", "the mesh lives in simulated time; clocks were not compared")
        return
    worst = 0.0
    for name, each in sorted(known.items()):
        least = abs(each.ahead) - each.unsure
        worst = max(worst, abs(each.ahead))
        if least < _SKEWED:
            continue
        which = "ahead of" if each.ahead > 0 else "behind"
        grade = fail if least >= _BROKEN else warn
        yield grade(
            "clocks", f"the clock of {name} is {abs(each.ahead):.1f} s {which} ours",
            "timedatectl status on both machines; sudo timedatectl set-ntp true",
        )  # fmt: skip
    if not answers:
        yield warn("clocks", "no node was to be called, so no clock was compared")
    if known:
        yield fine("clocks", f"{len(known)} nodes, at most {worst * 1000:.0f} ms apart", **details)
