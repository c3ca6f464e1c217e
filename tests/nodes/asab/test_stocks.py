from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from messages.errors import ConfigurationError
from nodes.asab._stocks import MOLAR_MASS, load_stocks

SHIPPED = {stock.name: stock for stock in load_stocks()}

STOCK = """
stocks:
  - name: emc
    density: 1005.0
    density_uncertainty: 1.0
    density_temperature: 299.8
    mass_uncertainty: 1.0e-6
    masses: {EMC: 0.04496}
"""


@pytest.mark.parametrize("name", ["lipf6_ec_emc", "lipf6_emc"])
def test_the_salt_solutions_are_1_5_molar(name: str) -> None:
    assert SHIPPED[name].concentration[0] / 1000 == pytest.approx(1.5, abs=0.005)


def test_the_published_densities_and_weighing() -> None:
    densities = [SHIPPED[n].density for n in ("lipf6_ec_emc", "lipf6_emc", "ec_emc", "emc")]
    assert densities == [1288.0, 1162.0, 1159.0, 1005.0]
    assert all(stock.mass_uncertainty == 1e-6 for stock in SHIPPED.values())
    # total masses of the source file, in g
    totals = {"lipf6_ec_emc": 60.1237, "lipf6_emc": 51.1853, "ec_emc": 50.9483, "emc": 44.9601}
    for name, total in totals.items():
        assert 1000 * SHIPPED[name].mass.sum() == pytest.approx(total, abs=0.001)


@pytest.mark.parametrize("name", SHIPPED)
def test_concentrations_weigh_what_the_solution_weighs(name: str) -> None:
    stock = SHIPPED[name]
    assert stock.concentration @ MOLAR_MASS == pytest.approx(stock.density)


def test_the_mixed_solvents_are_one_to_one_by_mass() -> None:
    for name in ("lipf6_ec_emc", "ec_emc"):
        assert SHIPPED[name].mass[1] == SHIPPED[name].mass[2]


def test_another_composition_has_another_fingerprint() -> None:
    prints = {stock.fingerprint for stock in SHIPPED.values()}
    assert len(prints) == len(SHIPPED)
    assert load_stocks()[0].fingerprint == SHIPPED["lipf6_ec_emc"].fingerprint


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "stocks.yaml"
    path.write_text(STOCK)
    (stock,) = load_stocks(path)
    assert np.flatnonzero(stock.concentration).tolist() == [2]


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("density: 1005.0", "density: -1", r"stocks\.0\.density"),
        ("density: 1005.0", "densty: 1005.0", r"stocks\.0\.densty"),
        ("{EMC: 0.04496}", "{EMC: 0.0}", "at least one mass above zero"),
        ("{EMC: 0.04496}", "{DMC: 0.1}", r"stocks\.0\.masses"),
        ("{EMC: 0.04496}", "{EMC: 0.1", "not YAML"),
        ("name: emc", "name: EMC!", r"stocks\.0\.name"),
        ("stocks:", "bottles:", "bottles"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    tmp_path: Path, before: str, after: str, named: str
) -> None:
    path = tmp_path / "stocks.yaml"
    path.write_text(STOCK.replace(before, after))
    with pytest.raises(ConfigurationError, match=named) as caught:
        load_stocks(path)
    assert caught.value.where == str(path)


def test_two_bottles_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "stocks.yaml"
    path.write_text(STOCK + STOCK.replace("\nstocks:\n", ""))
    with pytest.raises(ConfigurationError, match="two stock solutions are called emc"):
        load_stocks(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_stocks(tmp_path / "nowhere.yaml")
