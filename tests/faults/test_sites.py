"""Two labs and their hub, cut apart in mid-campaign. All faults: ``benchmarks/site_faults.py``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support import Processes
from tests.support.sites import ROOT, TwoSites, account, observe

BUDGET = 6


async def listed(processes: Processes, url: str, site: str) -> dict[str, str]:
    """Return every node's presence as the command line shows it at a site."""
    done = await processes.labmesh("node", "list", "--json", "--mqtt", url, "--site", site)
    assert await done.wait() == 0, done.output
    return {node["node"]: node["presence"] for node in json.loads("\n".join(done.stdout))}


async def test_a_campaign_over_two_sites_survives_a_cut_line(
    processes: Processes, tmp_path: Path
) -> None:
    folder = tmp_path / "sites"
    async with TwoSites(processes, folder, f"budget:={BUDGET}", "campaign:=cut") as lab:
        await lab.measured(2)
        async with observe(lab.hub_url, "hub") as hub, observe(lab.url("kit"), "kit") as kit:
            assert await hub.until("kit/asab", "online", 30) >= 0
            proxy = lab.lines["kit"].proxy
            await proxy.refuse()
            await proxy.cut()
            assert await hub.until("kit/asab", "unreachable", 30) >= 0
            assert await kit.until("hub/broker", "unreachable", 30) >= 0
            assert await kit.until("dtu/optimiser", "unreachable", 30) >= 0
            assert (hub.state("dtu/optimiser"), kit.state("kit/asab")) == ("online", "online")
            at_hub, at_kit = await asyncio.gather(
                listed(processes, lab.hub_url, "hub"), listed(processes, lab.url("kit"), "kit")
            )
            assert (at_hub["dtu/optimiser"], at_hub["kit/asab"]) == ("online", "unreachable")
            assert (at_kit["kit/asab"], at_kit["hub/broker"]) == ("online", "unreachable")
            await proxy.accept()
            assert await hub.until("kit/asab", "online", 30) >= 0
            assert await kit.until("hub/broker", "online", 30) >= 0
        await lab.ended(patience=60)
    found = account(folder)
    assert found.wrong == ()
    assert found.requests == found.resolved == BUDGET
    assert found.acts == pytest.approx(BUDGET, abs=0.1)
    await processes.assert_no_orphans()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["half-open-kit", "kill-hub-both", "dtu-hour-behind"])
async def test_it_survives(processes: Processes, fault: str) -> None:
    done = await processes.run(
        sys.executable, ROOT / "benchmarks" / "site_faults.py", "--only", fault, "--seconds", "45",
        env={"PYTHONPATH": str(ROOT)}, timeout=400,
    )  # fmt: skip
    assert done.code == 0, done.stdout
    assert "1 of 1 survived" in done.stdout
