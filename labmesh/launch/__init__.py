"""Launch files: parsed with positions, resolved to a plan, checked as a whole, then executed.

`load_plan` describes and `execute` does; nothing starts before the whole plan is sound.
"""

from labmesh.launch._accounts import ACCOUNTS_VARIABLE
from labmesh.launch._control import control
from labmesh.launch._coverage import missing_capabilities
from labmesh.launch._execute import execute
from labmesh.launch._limits import LIMITS_VARIABLE, Limits
from labmesh.launch._live import span
from labmesh.launch._load import declared_arguments, load_plan, parse_arguments
from labmesh.launch._plan import (
    Argument,
    Broker,
    Dependency,
    ExecutableProcess,
    HandlerStep,
    LogStep,
    NodeProcess,
    Plan,
    Respawn,
    ShutdownStep,
    Step,
    TimerStep,
)
from labmesh.launch._problem import LaunchError, Position, Problem
from labmesh.launch._schema import launch_schema
from labmesh.launch._show import show_arguments, show_plan
from labmesh.launch._state import read_last_launch
from labmesh.launch._world import World

__all__ = [
    "ACCOUNTS_VARIABLE",
    "LIMITS_VARIABLE",
    "Argument",
    "Broker",
    "Dependency",
    "ExecutableProcess",
    "HandlerStep",
    "LaunchError",
    "Limits",
    "LogStep",
    "NodeProcess",
    "Plan",
    "Position",
    "Problem",
    "Respawn",
    "ShutdownStep",
    "Step",
    "TimerStep",
    "World",
    "control",
    "declared_arguments",
    "execute",
    "launch_schema",
    "load_plan",
    "missing_capabilities",
    "parse_arguments",
    "read_last_launch",
    "show_arguments",
    "show_plan",
    "span",
]
