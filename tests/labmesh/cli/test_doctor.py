"""labmesh doctor: a healthy house, and every way of breaking it that it knows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labmesh.cli._doctor._files import files
from labmesh.cli._doctor._mqtt_broker import limits
from labmesh.client import visit
from labmesh.mosquitto import Program
from labmesh.transport import BrokerLimits, MqttTransport
from messages.ids import new_id
from messages.node import Milestone, Presence, Schema
from messages.safety import EmergencyStop
from messages.schema import json_schema
from nodes.broker import BrokerNode
from tests.labmesh.cli._house import Heater, House, Thermometer, running_house
from tests.labmesh.cli._lab import Answer, Command, eventually


@pytest.fixture(scope="module")
def patient(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house to be broken."""
    with running_house(tmp_path_factory.mktemp("patient")) as house:
        yield house


@pytest.fixture(autouse=True)
def _here(patient: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in patient.env.items():
        monkeypatch.setenv(name, value)


def findings(answer: Answer, grade: str) -> dict[str, list[str]]:
    """Return what was found, by check."""
    found: dict[str, list[str]] = {}
    for each in json.loads(answer.out)["findings"]:
        if each["grade"] == grade:
            found.setdefault(each["check"], []).append(f"{each['what']} -> {each['remedy']}")
    return found


def test_a_healthy_mesh_fails_nothing(labmesh: Command) -> None:
    answer = labmesh("doctor", "--json")
    assert answer.code == 0, answer.out
    assert findings(answer, "fail") == {}
    warned = findings(answer, "warn")
    assert warned.pop("diagnostics") == ["kit/heater flame: it flickers -> clean the burner"]
    (asked,) = warned.pop("capabilities")
    assert asked.startswith("kit/heater will ask for gas/pipeline, which nobody offers")
    assert set(warned) <= {"disk"}, "whatever this machine lacks"
    well = findings(answer, "ok")
    assert set(well) >= {
        "python", "packages", "mosquitto", "mqtt broker", "limits", "rights", "ledger", "nodes",
        "schemas", "retained", "clocks", "secrets",
    }  # fmt: skip
    assert "nobody may publish in another's name" in str(well["rights"])
    text = labmesh.text("doctor")
    assert text.startswith("WARN diagnostics: kit/heater flame: it flickers\n     -> clean")
    assert "0 failed, " in text.splitlines()[-1]
    assert "OK   python: Python 3" in labmesh.text("doctor", "--report")


class Ahead:
    """A clock that is wrong."""

    def now(self) -> int:
        return time.time_ns() + 60 * 10**9


async def spoil(house: House) -> None:
    """Leave behind what others leave behind."""
    other = {**json_schema(Milestone), "required": []}
    presence = Presence(state="online", epoch=1, boot_id=new_id(), instance="0", since=1, host="x")
    async with visit(house.place, "ghost") as visitor:
        mesh, own = visitor.mesh, visitor.mesh.topics.own
        await mesh.send(own("node", "alive", "0"), presence, retain=True)
        await mesh.transport.publish(own("data", "old"), b"21.5", qos=1, retain=True)
        schema = Schema(type="Milestone@1", hash="ab" * 32, schema=other)
        await mesh.send(own("schema", "Milestone@1", "ab" * 32), schema, retain=True)
        wish = Schema(type="Wish", hash="cd" * 32, schema=other)  # another service's arguments
        await mesh.send(own("schema", "Wish", "cd" * 32), wish, retain=True)
        stop = EmergencyStop(reason="smoke", by="Ada")
        await mesh.send(mesh.topics.stop("kit"), stop, retain=True)
    async with visit(house.place, "twin") as visitor:
        for instance in ("0", "i1"):
            there = presence.model_copy(update={"instance": instance})
            topic = visitor.mesh.topics.own("node", "alive", instance)
            await visitor.mesh.send(topic, there, retain=True)
    async with visit(replace(house.place, site="dtu"), "far") as visitor:
        topic = visitor.mesh.topics.own("node", "alive", "0")
        await visitor.mesh.send(topic, presence, retain=True)
    async with visit(replace(house.place, site="dtu"), "bridge") as visitor:
        link = visitor.mesh.topics.own("link")
        await visitor.mesh.transport.publish(link, b"0", qos=1, retain=True)


def test_whatever_is_broken_is_named_with_its_remedy(
    labmesh: Command, patient: House, tmp_path: Path
) -> None:
    patient.run(spoil(patient))
    heater: Any = patient.start(Heater, "late")
    heater.mesh.clock = Ahead()
    labmesh.text("lifecycle", "set", "heater", "deactivate", "--reason", "no gas")
    secret = patient.folder / "data" / "kit" / "passwords"
    secret.write_text("x")
    secret.chmod(0o644)
    patient.kill("therm")
    eventually(lambda: "lost" in labmesh.text("node", "list"))
    answer = labmesh("doctor", "--json", "--patience", "2")
    assert answer.code == 1
    failed, warned = findings(answer, "fail"), findings(answer, "warn")
    assert failed["secrets"] == [f"{secret} can be read by others (mode 644) -> chmod 600 {secret}"]
    assert "kit/therm is lost" in str(failed["nodes"])
    assert "labmesh launch restart kit/therm" in str(failed["nodes"])
    assert "kit/ghost is online and does not answer" in str(failed["presence"])
    assert "kit/twin is there 2 times" in str(failed["presence"])
    assert "the link of site dtu is down: 1 nodes are not reached" in str(failed["links"])
    (differing,) = failed["schemas"]
    assert "Milestone@1 is not the same everywhere" in differing
    assert "the clock of kit/late is 60.0 s ahead of ours" in str(failed["clocks"])
    (stop,) = failed["stops"]
    assert stop.startswith("kit/ghost (Ada) has stopped site kit: smoke -> labmesh estop status")
    (inactive,) = warned["lifecycle"]
    assert inactive.startswith("kit/heater is inactive: no gas -> labmesh lifecycle set kit/heater")
    (garbage,) = warned["retained"]
    assert "lab1/kit/ghost/data/old is no message of ours" in garbage
    assert garbage.endswith("-> labmesh topic clear 'lab1/kit/ghost/data/old'")
    assert labmesh.text("topic", "clear", "lab1/kit/ghost/data/old").startswith("cleared")
    shown = labmesh("doctor", "--patience", "2")
    assert shown.code == 1
    grades = [line[:4] for line in shown.out.splitlines() if line[:4] in ("FAIL", "WARN")]
    assert grades == sorted(grades), "worst first"


def test_a_ledger_that_is_away(labmesh: Command, patient: House) -> None:
    asker: Any = patient.start(Thermometer, "asker")
    patient.stop("broker")

    async def ask() -> None:
        wish = asker.lab.submit("warmth", "by_fire", {"temperature": 300.0})
        asker.spawn(wish, name="wish")

    patient.run(ask())
    waits = "1 messages of kit/asker wait for the ledger"

    def told() -> Answer | None:
        answer = labmesh("doctor", "--json", "--patience", "1")
        return answer if waits in str(findings(answer, "warn").get("outbox")) else None

    answer = eventually(told)
    assert "the broker node kit/broker is offline" in str(findings(answer, "fail")["ledger"])
    patient.start(BrokerNode, "broker")


def test_no_mesh_and_no_mqtt_broker(labmesh: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = labmesh("doctor", "--mqtt", "mqtt://127.0.0.1:1", "--patience", "0.5", "--json")
    assert answer.code == 1
    assert "no connection" in str(findings(answer, "fail")["mqtt broker"])
    for name in ("LABMESH_MQTT", "LABMESH_SITE", "LABMESH_DATA_DIR"):
        monkeypatch.delenv(name)
    alone = labmesh("doctor", "--json")
    assert alone.code == 0
    assert "no mesh is known" in str(findings(alone, "warn")["mesh"])


async def test_an_mqtt_broker_that_allows_too_little(patient: House) -> None:
    async with visit(patient.place, "looker") as visitor:
        transport = visitor.mesh.transport
        assert isinstance(transport, MqttTransport)
        assert [each.grade for each in limits(visitor)] == ["ok"]
        transport.limits = BrokerLimits(
            maximum_packet=4096, receive_maximum=5, retain=False, wildcards=False, maximum_qos=0
        )
        bad = [each.what for each in limits(visitor) if each.grade != "ok"]
    assert len(bad) == 5
    assert "takes packets of 4096 bytes only" in bad[0]


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, grade in ((10**8, "fail"), (10**9, "warn"), (10**11, "ok")):
        usage = shutil._ntuple_diskusage(10**12, 0, free)
        monkeypatch.setattr("labmesh.cli._doctor._files.shutil.disk_usage", lambda _p, u=usage: u)
        assert next(files(tmp_path / "not" / "there")).grade == grade
