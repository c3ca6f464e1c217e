"""Asking the agents of several sites at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from labmesh.agent import AgentStatus
from labmesh.cli._survey import survey
from labmesh.client import Visitor
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId

AGENT: Final = "agent"


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What the agent of a site answered: a value, or why there is none."""

    site: str
    value: dict[str, Any] | None = None
    trouble: LabmeshError | None = None

    @property
    def status(self) -> AgentStatus | None:
        """The answer as a status."""
        return None if self.value is None else AgentStatus.model_validate(self.value)


class Agents:
    """The agents of a mesh, as one look has found them.

    Attributes:
        states: The presence of each agent by its site: ``online``, ``unreachable``, ``offline``,
            ``lost``.
    """

    def __init__(
        self,
        visitor: Visitor,
        patience: float,
        states: Mapping[str, str],
        cut_off: Mapping[str, str],
    ) -> None:
        self._visitor = visitor
        self._patience = patience
        self.states = states
        self._cut_off = cut_off

    @classmethod
    async def find(cls, visitor: Visitor, patience: float) -> Agents:
        """Look which agents there are.

        Raises:
            NotConnectedError: The MQTT broker does not answer.
        """
        seen = await survey(visitor.mesh, parts=("node/alive/+",), patience=patience)
        agents = {node.site: each for node, each in seen.items() if node.node == AGENT}
        return cls(
            visitor,
            patience,
            {site: each.state for site, each in agents.items()},
            {site: each.cut_off for site, each in agents.items()},
        )

    def choose(self, sites: Iterable[str]) -> list[str]:
        """Return the sites that were named, or all that have an agent which is not gone for good.

        Raises:
            ConfigurationError: None was named and there is none.
        """
        chosen = list(dict.fromkeys(sites)) or sorted(
            site for site, state in self.states.items() if state != "offline"
        )
        if not chosen:
            raise ConfigurationError(
                "no site has an agent", remedy="start one on each lab machine: labmesh agent"
            )
        return chosen

    async def ask(
        self,
        site: str,
        service: str,
        arguments: dict[str, Any] | None = None,
        *,
        patience: float | None = None,
    ) -> SiteAnswer:
        """Ask one agent. Who is not there is not waited for."""
        state = self.states.get(site)
        if state != "online":
            return SiteAnswer(site, trouble=self._absent(site, state))
        try:
            value = await self._visitor.caller.call(
                NodeId(site, AGENT), service, arguments or {}, timeout=patience or self._patience
            )
        except LabmeshError as error:
            return SiteAnswer(site, trouble=error)
        return SiteAnswer(site, value)

    def _absent(self, site: str, state: str | None) -> LabmeshError:
        if state == "unreachable":
            return LabmeshError(
                f"{site} cannot be reached: {self._cut_off[site]}",
                remedy="it connects again by itself; labmesh site list shows the links",
            )
        why = {None: "it has no agent", "lost": "its agent is lost", "offline": "its agent ended"}
        return LabmeshError(
            f"{site} cannot be reached: {why.get(state, f'its agent is {state}')}",
            remedy=f"on its machine: labmesh agent --site {site}",
        )

    async def ask_all(
        self,
        sites: Iterable[str],
        service: str,
        arguments: dict[str, Any] | None = None,
        *,
        patience: float | None = None,
    ) -> list[SiteAnswer]:
        """Ask several at a time; the answers in the order of the sites."""
        return list(
            await asyncio.gather(
                *(self.ask(site, service, arguments, patience=patience) for site in sites)
            )
        )
