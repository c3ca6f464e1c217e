"""Whether anybody beyond one's own site answers, asked in one look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from labmesh.calls import Caller
from labmesh.links import Links
from labmesh.mesh import Mesh
from messages.errors import CallTimeoutError, LabmeshError
from messages.ids import NodeId

_ASKED: Final = 3
"""Nodes that are asked: one may hang."""

_PATIENCE: Final = 3.0
"""Wall seconds; a link over which no ping comes back in that time is of no use to a person."""


async def ask_beyond(mesh: Mesh, links: Links, online: Iterable[NodeId]) -> None:
    """Find out whether the own site's link is as good as it says, and tell ``links`` if it is not.

    The MQTT broker of a site does not notice that its bridge carries nothing any more. So some
    nodes beyond it, the hub's first, are pinged; where none answers the link counts as down. Where
    this user may not call, the link is believed.

    Args:
        mesh: A seat; its replies are subscribed to for a moment.
        links: What the links say.
        online: Nodes whose presence says that they are online.
    """
    if not links.in_doubt:
        return
    beyond = [node for node in online if node.site != links.here and links.reaches(node.site)]
    beyond.sort(key=lambda node: (links.has(node.site), node))
    if not beyond:
        return
    caller = Caller(mesh)
    await caller.open()

    async def answers(node: NodeId) -> bool:
        try:
            await caller.call(node, "node.ping", {}, timeout=_PATIENCE)
        except CallTimeoutError:
            return False
        except LabmeshError:
            return True
        return True

    asked = [asyncio.ensure_future(answers(node)) for node in beyond[:_ASKED]]
    try:
        for answer in asyncio.as_completed(asked):
            if await answer:
                return
        links.no_answer()
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
