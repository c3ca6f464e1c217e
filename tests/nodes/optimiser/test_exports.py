from __future__ import annotations

import subprocess
import sys

import nodes.optimiser as package
from labmesh import NodeParameters


def test_the_parameters_come_without_the_heavy_libraries() -> None:
    program = (
        "import sys, nodes.optimiser as o; o.OptimiserNode.Parameters;"
        "print([m for m in ('sklearn', 'pandas', 'matplotlib', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_is_named_is_there() -> None:
    assert sorted(package.__all__) == package.__all__
    for name in package.__all__:
        assert hasattr(package, name)


def test_every_parameter_is_described() -> None:
    fields = package.OptimiserNode.Parameters.model_fields
    assert sorted(fields.keys() - NodeParameters.model_fields.keys()) == [
        "archive", "budget", "campaign", "campaign_file", "fidelities", "fixed", "output", "seed",
        "temperature",
    ]  # fmt: skip
    assert all(field.description for field in fields.values())
