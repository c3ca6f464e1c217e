"""The agent: how an operator launches, watches and stops on the machines of other sites."""

from labmesh.agent._bundle import Bundle
from labmesh.agent._node import AgentNode, AgentParameters
from labmesh.agent._unit import UNIT_FOLDER, unit_text
from labmesh.agent._words import AgentStatus, LogLines, ProcessSeen

__all__ = [
    "UNIT_FOLDER",
    "AgentNode",
    "AgentParameters",
    "AgentStatus",
    "Bundle",
    "LogLines",
    "ProcessSeen",
    "unit_text",
]
