"""The made-up law of how a virtual cell ages in which electrolyte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from messages.errors import CallRefusedError, CallTimeoutError
from nodes.cycler._electrolyte import Electrolyte, electrolyte_of
from nodes.cycler.virtual import VirtualCycler, assembled
from nodes.cycler.virtual._ageing import ageing
from tests.nodes.cycler.virtual import AT, cycles, run

SALT = {"LiPF6": 0.0937, "EC": 0.4146, "EMC": 0.4917}


def test_the_law_has_the_optimum_and_the_trend_that_it_says_it_has() -> None:
    grid = {m: ageing(Electrolyte(m, 0.35)) for m in np.linspace(0.4, 1.4, 401)}
    assert min(grid, key=grid.__getitem__) == pytest.approx(1.225, abs=0.003)
    assert grid[0.5] == pytest.approx(2.6, abs=0.02)
    assert min(grid.values()) == pytest.approx(0.90, abs=0.005)
    assert ageing(Electrolyte(1.0, 0.2)) > ageing(Electrolyte(1.0, 0.35)) == ageing(None) == 1
    assert any("made-up" in words and "1.225" in words for words in VirtualCycler.synthetic)


def test_a_cell_with_little_salt_fades_faster() -> None:
    fades = []
    for molality in (0.5, 1.2):
        cell = assembled("c", 0, spread=0, electrolyte=Electrolyte(molality, 0.35), hurry=20)
        records = run(cycles(8), cell)
        out = [records[records[:, AT["cycle"]] == n][-1, AT["discharged"]] for n in (3, 8)]
        fades.append(1 - out[1] / out[0])
    assert fades[0] > 1.3 * fades[1] > 0


class Ledger:
    """Answers `query.sample` from a dictionary."""

    def __init__(self, samples: dict[str, dict[str, Any]]) -> None:
        self.samples = samples

    async def query(self, service: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert service == "query.sample"
        found = self.samples.get(arguments["id"])
        if found is None:
            raise CallRefusedError("there is no such sample", code="not_found")
        return found


def ledger(**properties: Any) -> Ledger:
    return Ledger(
        {
            "cell": {"sample": {"kind": "coin_cell", "parents": ["lot", "vial"]}, "states": []},
            "lot": {"sample": {"kind": "electrode", "parents": []}, "states": [{}]},
            "vial": {
                "sample": {"kind": "electrolyte", "parents": []},
                "states": [{"properties": properties}],
            },
        }
    )


async def test_the_electrolyte_is_that_of_the_vial_the_cell_was_filled_from() -> None:
    found = await electrolyte_of(ledger(mole_fractions=SALT), "cell")
    assert found is not None
    assert found.molality == pytest.approx(1.068, abs=0.002)
    assert found.w_ec == pytest.approx(0.416, abs=0.01)


@pytest.mark.parametrize(
    "properties",
    [{}, {"mole_fractions": {"LiPF6": 0.1, "PC": 0.9}}, {"mole_fractions": {"LiPF6": 1.0}},
     {"mole_fractions": {"EC": "much"}}],
)  # fmt: skip
async def test_a_vial_that_says_nothing_of_use_counts_as_unknown(properties: Any) -> None:
    assert await electrolyte_of(ledger(**properties), "cell") is None
    assert await electrolyte_of(ledger(**properties), "stranger") is None


async def test_a_ledger_that_is_away_is_no_answer() -> None:
    class Away(Ledger):
        async def query(self, service: str, arguments: dict[str, Any]) -> dict[str, Any]:
            raise CallTimeoutError("no answer")

    with pytest.raises(CallTimeoutError):
        await electrolyte_of(Away({}), "cell")
