"""How the components of a node fare, as everybody may read it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from labmesh.mesh import Mesh
from messages.errors import LabmeshError
from messages.node import Diagnostic, Level

_REFRESH: Final = 3
"""Parts of ``stale_after`` after which an unchanged word is published again: a single lost or late
one must not make a healthy component stale."""


class DiagnosticBoard:
    """Publishes ``~/node/diag/{component}``, retained; what has not changed is not sent again.

    A word with ``stale_after`` is sent again while its component goes on reporting it, and no
    longer: readers then show it as stale (ROS 2: diagnostic_updater).

    Args:
        trouble: Told what could not be published, and where.
    """

    def __init__(self, trouble: Callable[[str, str], None]) -> None:
        self._trouble = trouble
        self._board: dict[str, Diagnostic] = {}

    def __contains__(self, component: str) -> bool:
        return component in self._board

    def __getitem__(self, component: str) -> Diagnostic:
        return self._board[component]

    def report(
        self,
        mesh: Mesh,
        component: str,
        level: Level,
        message: str,
        *,
        remedy: str,
        stale_after: float | None,
        values: Mapping[str, int | float | str | bool],
    ) -> None:
        """Take a component's word, and publish it where that is news."""
        slug = re.sub(r"[^a-z0-9_-]+", "-", component.lower())[:64] or "node"
        now, last = time.time_ns(), self._board.get(slug)
        diagnostic = Diagnostic(
            level=level, message=message[:4000], remedy=remedy[:4000], values=dict(values),
            reported=now, stale_after=stale_after,
        )  # fmt: skip
        if last is not None and last == diagnostic.model_copy(update={"reported": last.reported}):
            age = (now - last.reported) / 1e9
            if age < (math.inf if stale_after is None else stale_after / _REFRESH):
                return
        self._board[slug] = diagnostic
        topic = mesh.topics.own("node", "diag", slug)
        mesh.background(self._keep(mesh, topic, diagnostic), f"diag {slug}")

    async def _keep(self, mesh: Mesh, topic: str, diagnostic: Diagnostic) -> None:
        try:
            await mesh.keep(topic, diagnostic)
        except LabmeshError as error:
            self._trouble(f"diagnostic not published: {error}", topic)
