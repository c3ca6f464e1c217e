"""The container node: several nodes in one process."""

from nodes.container._node import ContainerNode
from nodes.container._parameters import Component, ContainerParameters

__all__ = ["Component", "ContainerNode", "ContainerParameters"]
