"""A campaign with real processes: MQTT broker, broker node, ASAB, optimiser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labmesh import connect
from messages.electrolyte import ConductivityInput
from messages.formulation_algebra import formulation_from
from nodes.broker import open_ledger
from tests.support import MqttBroker, Processes, Running

SHIPPED = Path(__file__).parents[3] / "launch" / "campaigns" / "ec_emc_conductivity.yaml"
PATIENCE = 90.0
QUICK = ("formulate_duration", "conductivity_duration", "density_duration", "clean_duration")


class Kit:
    """A small lab of processes."""

    def __init__(self, mqtt: MqttBroker, processes: Processes, folder: Path) -> None:
        self.folder = folder
        self.mqtt = mqtt
        self.broker: Running
        self._processes = processes

    async def start_broker(self) -> None:
        self.broker = await self.run("broker")
        await self.broker.wait_line("ledger open")

    async def run(self, program: str, *parameters: str) -> Running:
        flags = [part for parameter in parameters for part in ("--param", parameter)]
        return await self._processes.labmesh(
            "run", program, "--site", "kit", "--name", program, "--mqtt", self.mqtt.url,
            "--data-dir", self.folder, *flags,
        )  # fmt: skip

    async def optimise(self, *parameters: str) -> Running:
        return await self.run(
            "optimiser", f"campaign_file={SHIPPED}", f"output={self.folder}", "seed=1", *parameters
        )

    def ledger(self, service: str, **arguments: Any) -> dict[str, Any]:
        return open_ledger(self.folder / "kit" / "broker").query(service, arguments)

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text("utf-8"))
        return found


@pytest.fixture
async def kit(mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path) -> Kit:
    lab = Kit(mqtt_broker, processes, tmp_path / "lab")
    await lab.start_broker()
    return lab


async def asab(kit: Kit, **options: object) -> Running:
    return await kit.run("asab", "seed=3", *(f"{name}=0.0" for name in QUICK),
                         *(f"{key}={value}" for key, value in options.items()))  # fmt: skip


@pytest.mark.slow
async def test_a_campaign_that_is_killed_goes_on(kit: Kit) -> None:
    await asab(kit)
    first = await kit.optimise("budget=6")
    await first.wait_line(r"measurement 3/6: w_ec .* S/m; best .* rating=")
    first.kill()
    await first.wait()

    second = await kit.optimise("budget=6")
    assert await second.wait(PATIENCE) == 0, second.output
    goes_on = await second.wait_line(r"goes on: \d measurements in the ledger, \d under way")
    assert "campaign ec_emc_conductivity" in goes_on

    requests = kit.ledger("query.requests", campaign="ec_emc_conductivity")["requests"]
    assert len(requests) == 6
    assert {request["status"] for request in requests} == {"resolved"}
    formulations = [json.dumps(request["parameters"]["formulation"]) for request in requests]
    assert len(set(formulations)) == 6
    published = kit.ledger("query.results", unsolicited=True, method="literature", limit=200)
    assert published["total"] == 74
    source = published["results"][0]["provenance"]["source"]
    assert source["licence"] == "CC-BY-4.0"

    summary = kit.summary
    assert summary["requests"] == summary["used"] == 6
    assert summary["simulated"] is True
    assert summary["best"]["value"] == pytest.approx(0.945, rel=0.04)
    assert summary["literature"]["dois"] == ["10.1149/1.1403730"]
    assert (kit.folder / "campaign.png").stat().st_size > 20_000

    # All was asked; a third start only sums up.
    third = await kit.optimise("budget=6")
    assert await third.wait(PATIENCE) == 0
    assert kit.ledger("query.requests", campaign="ec_emc_conductivity")["total"] == 6
    assert kit.summary["best"] == summary["best"]


async def test_it_waits_for_the_instrument(kit: Kit) -> None:
    optimiser = await kit.optimise("budget=2")
    await optimiser.wait_line("waiting for a node that offers conductivity/two_electrode")
    await asab(kit)
    assert await optimiser.wait(PATIENCE) == 0, optimiser.output
    assert kit.summary["requests"] == 2


async def test_a_bad_campaign_file_is_a_configuration_error(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(SHIPPED.read_text("utf-8").replace("budget: 30", "budget: many"), "utf-8")
    optimiser = await kit.run("optimiser", f"campaign_file={path}")
    assert await optimiser.wait() == 2
    assert "bad.yaml:30: budget: Input should be a valid integer" in optimiser.output


async def test_the_literature_is_offered_until_sigterm(kit: Kit) -> None:
    optimiser = await kit.optimise("budget=1")
    await optimiser.wait_line("waiting for a node")
    offers = kit.ledger("query.offers")["offers"]
    assert {offer["offer"]["method"] for offer in offers} == {
        "literature",
        "plan",
        "proposal",
    }
    asked = ConductivityInput(formulation=formulation_from(0.855, 0.49), temperature=298.15)
    async with connect(mqtt=kit.mqtt.url, site="kit", name="guest", ledger="kit/broker") as lab:
        result = await lab.request("conductivity", "literature", asked.model_dump(mode="json"))
    assert result.data["conductivity"]["value"] == pytest.approx(0.945, rel=0.01)
    assert result.provenance.notes["dois"] == ["10.1149/1.1403730"]
    assert result.provenance.simulated is False
    optimiser.terminate()
    assert await optimiser.wait(PATIENCE) == 0


@pytest.mark.slow
async def test_it_rides_out_a_broker_node_that_dies(kit: Kit) -> None:
    await asab(kit)
    optimiser = await kit.optimise("budget=8")
    await optimiser.wait_line("measurement 2/8")
    kit.broker.kill()
    await kit.broker.wait()
    await kit.start_broker()
    assert await optimiser.wait(PATIENCE) == 0, optimiser.output
    requests = kit.ledger("query.requests", campaign="ec_emc_conductivity")["requests"]
    assert [request["status"] for request in requests] == ["resolved"] * 8
