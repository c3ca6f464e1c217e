"""A simulated courier: a program that carries nothing, for demonstrations and tests."""

from nodes.transport.courier._node import CourierNode
from nodes.transport.courier._parameters import CourierParameters

__all__ = ["CourierNode", "CourierParameters"]
