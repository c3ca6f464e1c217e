from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from messages.errors import CallRefusedError, ConfigurationError, OrderError
from nodes.asab._inventory import Inventory
from nodes.asab._stocks import load_stocks

STOCKS = load_stocks()
FULL = 1e-4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inventory.sqlite"


def test_new_bottles_are_full(path: Path) -> None:
    levels = Inventory(path, STOCKS, FULL).levels()
    assert levels == {stock.name: FULL for stock in STOCKS}


def test_what_is_taken_is_gone_also_after_a_restart(path: Path) -> None:
    first = Inventory(path, STOCKS, FULL)
    first.take(uuid4(), "c", "f", {"emc": 3e-5, "ec_emc": 1e-5})
    first.close()
    levels = Inventory(path, STOCKS, FULL).levels()
    assert levels["emc"] == pytest.approx(7e-5)
    assert levels["ec_emc"] == pytest.approx(9e-5)
    assert levels["lipf6_emc"] == FULL


def test_a_bottle_that_would_run_out_stops_everything(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    with pytest.raises(OrderError, match=r"stock emc holds 100\.000 mL and 100\.100 mL") as caught:
        inventory.take(uuid4(), "c", "f", {"ec_emc": 1e-5, "emc": 1.001e-4})
    assert "refill" in caught.value.remedy
    assert not caught.value.retryable
    assert inventory.levels() == {stock.name: FULL for stock in STOCKS}
    assert inventory.dirty == ""


def test_the_last_drop_can_be_taken(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    for _ in range(10):
        inventory.take(uuid4(), "c", "f", {"emc": 1e-5})
    assert inventory.levels()["emc"] == pytest.approx(0, abs=1e-15)
    assert inventory.levels()["emc"] >= 0


def test_refilling_twice_is_refilling_once(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    inventory.take(uuid4(), "c", "f", {"emc": 9e-5})
    for _ in range(2):
        inventory.refill("emc", 8e-5)
    assert inventory.levels()["emc"] == 8e-5
    with pytest.raises(CallRefusedError, match=r"no stock 'water'.*lipf6_ec_emc"):
        inventory.refill("water", 1.0)


def test_repeats_are_counted_by_campaign_and_formulation(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    asked = [("a", "f"), ("a", "f"), ("b", "f"), ("a", "g"), ("a", "f")]
    assert [inventory.take(uuid4(), c, f, {}) for c, f in asked] == [0, 1, 0, 0, 2]


def test_a_second_attempt_has_the_number_of_the_first(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    request = uuid4()
    assert inventory.take(request, "a", "f", {"emc": 1e-6}) == 0
    assert inventory.take(uuid4(), "a", "f", {"emc": 1e-6}) == 1
    inventory.close()
    again = Inventory(path, STOCKS, FULL)
    assert again.take(request, "a", "f", {"emc": 1e-6}) == 0
    assert again.levels()["emc"] == pytest.approx(FULL - 3e-6)


def test_the_line_is_dirty_until_it_is_cleaned(path: Path) -> None:
    inventory = Inventory(path, STOCKS, FULL)
    request = uuid4()
    inventory.take(request, "a", "f", {})
    inventory.close()
    again = Inventory(path, STOCKS, FULL)
    assert again.dirty == str(request)
    again.cleaned()
    assert again.dirty == ""


def test_another_solution_under_an_old_name_is_refused(path: Path) -> None:
    Inventory(path, STOCKS, FULL).close()
    other = STOCKS[3].model_copy(update={"density": 1100.0})
    with pytest.raises(ConfigurationError, match="stock emc has another composition"):
        Inventory(path, (*STOCKS[:3], other), FULL)


def test_a_bottle_that_is_not_there_today_keeps_its_level(path: Path) -> None:
    first = Inventory(path, STOCKS, FULL)
    first.take(uuid4(), "", "f", {"emc": 1e-5})
    first.close()
    assert "emc" not in Inventory(path, STOCKS[:3], FULL).levels()
    assert Inventory(path, STOCKS, FULL).levels()["emc"] == pytest.approx(9e-5)


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_text("something else, long enough to be taken for a header of sorts " * 20)
    with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
        Inventory(path, STOCKS, FULL)
    assert caught.value.where == str(path)


CRASH = """
import os, signal, sys
from pathlib import Path
from uuid import UUID
from nodes.asab._inventory import Inventory
from nodes.asab._stocks import load_stocks
inventory = Inventory(Path(sys.argv[1]), load_stocks(), 1e-4)
inventory.take(UUID(int=7), "c", "f", {"emc": 2e-5})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_booked_survives_a_kill(path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", CRASH, str(path)], check=False, env=os.environ)
    assert dead.returncode == -signal.SIGKILL
    inventory = Inventory(path, STOCKS, FULL)
    assert inventory.levels()["emc"] == pytest.approx(8e-5)
    assert inventory.dirty == str(UUID(int=7))
    assert inventory.take(UUID(int=7), "c", "f", {}) == 0
