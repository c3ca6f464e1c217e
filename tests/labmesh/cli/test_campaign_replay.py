"""``labmesh campaign replay``: a small campaign, recorded, is run again from its ledger alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field

from labmesh import Node, NodeOptions, NodeParameters, Order, OrderError, capability, connect
from labmesh.cli import main
from labmesh.cli._campaign_replay import Recorded, settings_of
from labmesh.place import Place
from messages.campaign import CampaignPlan, Prior
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.ledger import SampleStep
from messages.model import Model, Real, Unit
from nodes.broker import BrokerNode, open_ledger
from nodes.optimiser import OptimiserNode
from nodes.recorded import RecordedNode
from tests.labmesh.node.conftest import running
from tests.support import MqttBroker

PLAN: dict[str, Any] = {
    "name": "hill",
    "objective": {"quantity": "height", "method": "survey", "output": "height", "unit": "m"},
    "space": {
        # Not in the order of the alphabet: a ledger sorts what it keeps.
        "y": {"unit": "m", "minimum": 0.0, "maximum": 10.0, "step": 0.1},
        "x": {"unit": "m", "minimum": 0.0, "maximum": 10.0, "step": 0.1},
    },
    "fixed": {"team": "red"},
    "strategy": {"name": "gaussian_process", "start": 3},
    "budget": 6,
    "consume": {"ledger": [{"quantity": "height", "method": "map", "minimum_rating": 0}]},
}


class Spot(Model):
    """Where."""

    x: Annotated[Real, Unit("m"), Field(ge=0, le=10)]
    y: Annotated[Real, Unit("m"), Field(ge=0, le=10)]
    team: str


class Height(Model):
    """How high."""

    height: Annotated[Real, Unit("m")]


class Surveyor(Node[NodeParameters]):
    """A hill; its flank cannot be reached, and a flag is left at each spot."""

    count = 0

    @capability("height", "map", simulated=True)
    async def map(self, order: Order[Spot]) -> Height:
        """Height on an old map."""
        return Height(height=10.0 - abs(order.parameters.x - 3.0))

    @capability("height", "survey", worker="instrument", simulated=True)
    async def survey(self, order: Order[Spot]) -> Height:
        """Height by an instrument."""
        spot = order.parameters
        if spot.x + spot.y > 16:
            raise OrderError("out of reach")
        self.count += 1
        order.rate(success=True, rating=4, reason="clear sky")
        order.sample(SampleStep(sample=f"flag-{self.count}", kind="flag", state=0, label="made"))
        return Height(height=10.0 - (spot.x - 6) ** 2 / 10 - (spot.y - 2) ** 2 / 10)


@pytest.fixture
async def recorded(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> Path:
    """The ledger of a campaign that has ended."""
    file = tmp_path / "hill.yaml"
    file.write_text(yaml.safe_dump(PLAN, sort_keys=False), encoding="utf-8")
    place = Place(mqtt=shared_mqtt_broker.url, site="uu", ledger=NodeId("uu", "broker"))

    def options(name: str, **parameters: Any) -> NodeOptions:
        return NodeOptions(
            place=place, name=name, data_dir=tmp_path / "lab", parameters=parameters, patience=30.0
        )

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(BrokerNode(options("broker"))))
        await stack.enter_async_context(running(Surveyor(options("surveyor"))))
        async with connect(
            mqtt=place.mqtt, site="uu", name="ada", ledger="uu/broker", patience=30.0
        ) as lab:
            for x in (1.0, 8.0):
                await lab.request(
                    "height", "map", {"x": x, "y": 5.0, "team": "red"}, campaign="before", wait=True
                )
        optimiser = OptimiserNode(options("optimiser", campaign_file=str(file), seed=5))
        async with asyncio.timeout(60):
            assert await optimiser.run() == 0
    return tmp_path / "lab" / "uu" / "broker" / "ledger.sqlite"


Said = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    async def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(main, [str(each) for each in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


async def test_the_same_decisions_and_the_first_other_one(
    recorded: Path, said: Said, tmp_path: Path, shared_mqtt_broker: MqttBroker
) -> None:
    # Whoever runs it needs neither the campaign file nor the lab.
    (tmp_path / "hill.yaml").unlink()
    code, out, err = await said(
        "campaign", "replay", "hill", "--ledger-file", recorded, "--into", tmp_path / "again"
    )
    assert code == 0, out + err
    assert out.splitlines()[-1] == "same decisions: 6 of 6"
    with (
        open_ledger(recorded) as before,
        open_ledger(tmp_path / "again" / "uu" / "broker") as after,
    ):
        chosen = {"campaign": "hill", "quantity": "height"}
        then = before.query("query.results", chosen)["results"]
        now = after.query("query.results", chosen)["results"]
        assert [r["data"] for r in now] == [r["data"] for r in then]
        assert [r["rating"] for r in now] == [r["rating"] for r in then]
        assert [r["samples"] for r in now] == [r["samples"] for r in then]
        head = before.query("ledger.head")
        for old, new in zip(then, now, strict=True):
            assert new["author"] == "uu/recorded"
            assert new["provenance"]["simulated"] is True
            source = new["provenance"]["notes"]["replayed"]
            assert source["result"] == str(old["id"])
            assert source["author"] == "uu/surveyor"
            assert source["ledger_head"] == bytes(head["hash"]).hex()
        chosen = {"campaign": "hill", "quantity": "campaign", "method": "proposal"}
        thought, thinks = (
            [r["data"] for r in ledger.query("query.results", chosen)["results"]]
            for ledger in (before, after)
        )
        assert [p["knew"] for p in thinks] == [p["knew"] for p in thought]
        assert [p["point"] for p in thinks] == [p["point"] for p in thought]
        assert [p["number"] for p in thought] == list(range(1, 7))
        prior = after.query("query.results", {"campaign": "before"})["results"]
        assert len(prior) == 2, "what the campaign had learned from is there, too"

    code, out, _ = await said("campaign", "show", "hill", "--ledger-file", recorded)
    assert code == 0
    assert "newest proposals, and why" in out
    assert thought[-1]["knew"]["sha256"][:12] in out
    assert f"{thought[-1]['knew']['observations']} values, 0 pending" in out
    code, out, _ = await said("campaign", "show", "hill", "--ledger-file", recorded, "--json")
    shown = json.loads(out)["proposals"]
    assert [p["request"] for p in shown] == [r["id"] for r in json.loads(out)["request_views"]]

    code, _, err = await said("campaign", "replay", "hull", "--ledger-file", recorded)
    assert code == 2
    assert "did you mean hill" in err

    # Another seed, in a mesh that somebody set up for it, and the instruments by themselves.
    place = Place(mqtt=shared_mqtt_broker.url, site="dtu", ledger=NodeId("dtu", "broker"))
    file = tmp_path / "hill.yaml"
    file.write_text(yaml.safe_dump(PLAN | {"budget": 2}, sort_keys=False), encoding="utf-8")

    def options(name: str, **parameters: Any) -> NodeOptions:
        return NodeOptions(
            place=place, name=name, data_dir=tmp_path / "other", parameters=parameters,
            patience=30.0,
        )  # fmt: skip

    instruments = RecordedNode(options("recorded", ledger=str(recorded), campaign="hill"))
    asked = then[0]["parameters"]
    async with running(BrokerNode(options("broker"))), running(instruments):
        optimiser = OptimiserNode(options("optimiser", campaign_file=str(file), seed=6))
        async with asyncio.timeout(60):
            assert await optimiser.run() == 0
        async with connect(
            mqtt=place.mqtt, site="dtu", name="ada", ledger="dtu/broker", patience=30.0
        ) as lab:
            result = await lab.request("height", "survey", asked)
            assert result.data == then[0]["data"]
            once_more = await lab.submit("height", "survey", asked)
            assert "answered 1 times in the record" in (await once_more.done()).message
            other = await lab.submit("height", "survey", {**asked, "x": asked["x"] + 1e-3})
            words = (await other.done()).message
            assert "was never asked so in the record; the nearest recorded one has" in words
            left = {f"x {r['parameters']['x']!r}, y {r['parameters']['y']!r}" for r in then[1:]}
            assert words.rpartition(" has ")[2] in left, "one that has an answer left"
    arguments = ("campaign", "replay", "hill", "--ledger-file", recorded, "--against")
    other_ledger = tmp_path / "other" / "dtu" / "broker" / "ledger.sqlite"
    code, out, err = await said(*arguments, other_ledger, "--json")
    assert code == 1, out + err
    answer = json.loads(out)
    assert answer["first_difference"]["what"].startswith("parameters.")
    assert answer["same"] == answer["first_difference"]["request"] - 1 == 0
    code, out, _ = await said(*arguments, other_ledger)
    assert code == 1
    assert "decisions differ: 0 of 6 are the same\nrequest 1: parameters.x was" in out


def test_a_setting_is_changed_where_it_is(tmp_path: Path) -> None:
    text = json.dumps({**PLAN, "consume": {"datasets": [{"file": "t.csv", "title": "t"}]}})
    plan = CampaignPlan(
        seed=1, plan=text, folder="/data", prior=Prior(observations=0, sha256="0" * 64)
    )
    then = Recorded([], plan, NodeId("uu", "optimiser"))
    changed = settings_of(then, None, ("strategy.name=random", "stop.rounds=4", "budget=9"))
    assert changed["strategy"] == {"name": "random", "start": 3}
    assert changed["stop"] == {"rounds": 4}
    assert changed["budget"] == 9
    assert list(changed["space"]) == ["y", "x"], "the order is the recorded one"
    assert changed["consume"]["datasets"][0]["file"] == "/data/t.csv"
    other = tmp_path / "other.yaml"
    other.write_text("name: other\n", encoding="utf-8")
    assert settings_of(then, other, ()) == {"name": "other"}
    with pytest.raises(ConfigurationError, match="is no setting"):
        settings_of(then, None, ("budget",))
    with pytest.raises(ConfigurationError, match="are not on record"):
        settings_of(Recorded([], None, NodeId("uu", "optimiser")), None, ())
