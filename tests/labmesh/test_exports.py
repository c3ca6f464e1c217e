"""The public names are a promise, and importing them must be cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labmesh
import labmesh.client
import labmesh.node

NAMES = {
    "labmesh": [
        "LATCHED", "SENSOR_DATA", "DeadlineMissed", "LabClient", "LabmeshError", "Level",
        "LivelinessChanged", "MessageInfo", "NoArguments", "Node", "NodeId", "NodeOptions",
        "NodeParameters", "Order", "OrderError", "OrderVoidError", "Publisher", "QoS",
        "RefusedError", "RequestFailedError", "RequestHandle", "capability", "connect",
        "parameter", "publisher", "service", "subscription", "target", "timer",
    ],
    "labmesh.node": [
        "BoundCapability", "CapabilitySpec", "NoArguments", "Node", "NodeOptions",
        "NodeParameters", "Order", "PlainMap", "capabilities_declared", "capabilities_of",
        "capability", "effect_of", "find_node", "node_programs", "parameter",
        "parameters_of", "parse_parameters", "run_node", "service", "transitions_from",
    ],
    "labmesh.client": [
        "CancelAnswer", "CancelCode", "Feedback", "GoalStatus", "LabClient", "RequestHandle",
        "Visitor", "ask_beyond", "connect", "requester", "visit",
    ],
}  # fmt: skip


@pytest.mark.parametrize("module", NAMES)
def test_public_names(module: str) -> None:
    found = sys.modules[module]
    assert found.__all__ == NAMES[module]
    for name in NAMES[module]:
        assert getattr(found, name).__module__.partition(".")[0] in ("labmesh", "messages")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nod'"):
        labmesh.Nod  # noqa: B018


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("labmesh", ["pydantic", "numpy", "msgpack", "paho", "asyncio"]),
        ("labmesh.node", ["numpy", "pandas", "scipy", "sqlalchemy", "matplotlib", "jsonschema_rs"]),
    ],
)
def test_imports_are_light(module: str, heavy: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
