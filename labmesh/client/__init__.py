"""The requester's side: submit requests, await results, read the ledger."""

from labmesh.client._beyond import ask_beyond
from labmesh.client._client import LabClient
from labmesh.client._connect import Visitor, connect, requester, visit
from labmesh.client._goal import CancelAnswer, CancelCode, Feedback, GoalStatus
from labmesh.client._handle import RequestHandle

__all__ = [
    "CancelAnswer",
    "CancelCode",
    "Feedback",
    "GoalStatus",
    "LabClient",
    "RequestHandle",
    "Visitor",
    "ask_beyond",
    "connect",
    "requester",
    "visit",
]
