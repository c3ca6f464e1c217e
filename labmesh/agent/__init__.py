"""The agent: how an operator launches, watches and stops on the machines of other sites."""

from labmesh.agent._bundle import Bundle
from labmesh.agent._node import AgentNode, AgentParameters
from labmesh.agent._words import AgentStatus, LogLines, ProcessSeen

__all__ = [
    "AgentNode",
    "AgentParameters",
    "AgentStatus",
    "Bundle",
    "LogLines",
    "ProcessSeen",
]
