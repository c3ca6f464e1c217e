"""Calls of a launch to the nodes that it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from labmesh.client import visit
from labmesh.place import Place
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.model import JsonObject

VISITOR: Final = "launch"
"""The node name under which a launch calls, where its account has none."""

_PATIENCE: Final = 5.0
_TRANSITION_SECONDS: Final = 60.0
"""For a transition: an instrument may have to be brought to rest."""


class NodeCaller:
    """Calls services of nodes, on a connection of its own each time: that is seldom.

    Args:
        place_of: Where the mesh of a site is, None where it has no MQTT broker.
    """

    def __init__(self, place_of: Callable[[str], Place | None]) -> None:
        self._place_of = place_of

    async def set_parameters(self, node: str, values: Mapping[str, Any]) -> None:
        """Set parameters of a node for as long as it runs: the launch file keeps them.

        Raises:
            ConfigurationError: It takes one of them over later only.
            LabmeshError: It refuses, or does not answer.
        """
        arguments = {"values": dict(values), "keep": False}
        answer = await self._call(node, "param.set", arguments, _PATIENCE)
        for name in answer.get("pending", {}):
            if name.partition(".")[0] in values:
                raise ConfigurationError(f"it does not take {name} over while it is active")

    async def change_life(self, node: str, transition: str) -> None:
        """Ask a node for a lifecycle transition and wait for its end.

        Raises:
            LabmeshError: It refuses, fails, or does not answer.
        """
        arguments = {"transition": transition, "reason": "the launch file asks for it"}
        await self._call(node, "life.change", arguments, _TRANSITION_SECONDS)

    async def _call(
        self, node: str, service: str, arguments: JsonObject, seconds: float
    ) -> JsonObject:
        to = NodeId.parse(node)
        place = self._place_of(to.site)
        if place is None:
            raise ConfigurationError(f"site {to.site} has no MQTT broker")
        async with visit(place, place.own_name(VISITOR), patience=_PATIENCE) as visitor:
            return await visitor.caller.call(to, service, arguments, timeout=seconds)
