"""Nodes with the faults of authors, for `test_run`."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

from labmesh import LabmeshError, NoArguments, Node, NodeParameters, service


class FaultyNode(Node[NodeParameters]):
    """Fails where LABMESH_FAULT says."""

    async def on_configure(self) -> None:
        fault = os.environ.get("LABMESH_FAULT", "")
        if fault == "crash":
            raise ZeroDivisionError("by nothing")
        if fault == "refuse":
            raise LabmeshError("no power", where="socket 3", remedy="plug it in")
        if fault == "slow":
            self.log.info("configuring")
            await asyncio.sleep(60)
        if fault == "finish":
            self.finish(7)

    async def on_activate(self) -> None:
        self.log.info("activated")

    async def on_shutdown(self) -> None:
        if os.environ.get("LABMESH_FAULT") == "stubborn":
            self.log.info("refusing to stop")
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)

    @service("faulty.block")
    async def block(self, arguments: NoArguments) -> NoArguments:
        time.sleep(3)  # noqa: ASYNC251
        return NoArguments()
