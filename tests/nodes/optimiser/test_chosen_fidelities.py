"""The parameter that leaves some of a campaign file's fidelities out."""

from __future__ import annotations

from pathlib import Path

import pytest

from messages.errors import ConfigurationError
from nodes.optimiser import OptimiserNode, OptimiserParameters

FILE = Path(__file__).parents[3] / "launch" / "campaigns" / "ec_emc_multifidelity.yaml"


def asked(names: str) -> list[str]:
    parameters = OptimiserParameters(campaign_file=str(FILE), fidelities=names)
    return [method for _, method in OptimiserNode.asks_for(parameters)]


def test_those_that_are_named_are_asked_beside_the_target() -> None:
    assert asked("") == ["two_electrode", "polynomial_interpolation", "molecular_dynamics"]
    assert asked("polynomial") == ["two_electrode", "polynomial_interpolation"]


def test_one_that_the_file_has_not_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no fidelity polynom") as refusal:
        asked("polynom")
    assert refusal.value.remedy == "it has polynomial, dynamics"
