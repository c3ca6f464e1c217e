"""The demonstration as its user runs it: one command, interrupted, resumed, repeated, cut off."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nodes.broker import open_ledger
from tests.support import MqttBroker, Processes, Running

LAUNCH = Path(__file__).parents[2] / "launch" / "conductivity_campaign.launch.yaml"
BUDGET = 5


async def campaign(processes: Processes, folder: Path, *arguments: str) -> Running:
    return await processes.labmesh(
        "launch", LAUNCH, f"budget:={BUDGET}", "sim_rate:=1500", "seed:=7", "archive:=false",
        "--data-dir", folder, *arguments, name="launch",
    )  # fmt: skip


def results(folder: Path) -> list[dict[str, Any]]:
    """Return the results of requests, in the order of the ledger. One campaign a folder."""
    ledger = open_ledger(folder / "kit" / "broker")
    page = ledger.query("query.results", {"unsolicited": False})
    return [r for r in page["results"] if r["outcome"] == "resolved"]


def values(folder: Path) -> list[tuple[str, float]]:
    """Return what was asked and what was measured."""
    return [
        (json.dumps(r["parameters"], sort_keys=True), r["data"]["conductivity"]["value"])
        for r in results(folder)
    ]


async def test_the_same_seed_is_the_same_campaign_even_when_interrupted(
    processes: Processes, tmp_path: Path
) -> None:
    whole = await campaign(processes, tmp_path / "whole", "campaign:=another-name")
    assert await whole.wait(100) == 0
    assert len(values(tmp_path / "whole")) == BUDGET
    await processes.assert_no_orphans()

    broken = await campaign(processes, tmp_path / "broken", "campaign:=test")
    await broken.wait_line(f"measurement 2/{BUDGET}", timeout=60)
    await asyncio.sleep(0.2)
    broken.interrupt()
    assert await broken.wait(30) == 130
    await processes.assert_no_orphans()
    assert 2 <= len(values(tmp_path / "broken")) < BUDGET

    resumed = await processes.labmesh(
        "launch", LAUNCH, "--resume", "--data-dir", tmp_path / "broken"
    )
    assert await resumed.wait(100) == 0
    assert values(tmp_path / "broken") == values(tmp_path / "whole")
    await processes.assert_no_orphans()

    ledger = open_ledger(tmp_path / "broken" / "kit" / "broker")
    requests = ledger.query("query.requests", {})["requests"]
    assert [r["status"] for r in requests] == ["resolved"] * BUDGET

    output = tmp_path / "broken" / "kit" / "optimiser" / "test"
    assert (output / "campaign.png").read_bytes().startswith(b"\x89PNG")
    summary = json.loads((output / "summary.json").read_text("utf-8"))
    assert summary["best"]
    for word in ("mole fractions", "literature", "plot:", "ledger:", "of experiment"):
        assert any(word in line for line in resumed.lines), word


@pytest.mark.slow
async def test_ten_seconds_without_the_mqtt_broker_cost_nothing(
    processes: Processes, mqtt_broker: MqttBroker, tmp_path: Path
) -> None:
    launch = await campaign(
        processes, tmp_path / "lab", f"mqtt:={mqtt_broker.url}", "campaign:=test"
    )
    await launch.wait_line(f"measurement 2/{BUDGET}", timeout=60)
    mqtt_broker.kill()
    await asyncio.sleep(10)
    mqtt_broker.restart()
    assert await launch.wait(100) == 0
    found = results(tmp_path / "lab")
    assert len(found) == BUDGET
    assert len({r["request"] for r in found}) == BUDGET
    made = [r["samples"][0]["sample"] for r in found]
    assert len(set(made)) == BUDGET, "every measurement mixed one electrolyte"
    ledger = open_ledger(tmp_path / "lab" / "kit" / "broker")
    requests = ledger.query("query.requests", {})["requests"]
    assert [r["attempt"] for r in requests] == [1] * BUDGET, "nothing was tried twice"
