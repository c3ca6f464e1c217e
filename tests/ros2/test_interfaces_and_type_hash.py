"""ROS 2: interfaces and their type hashes; here also of types that are not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmesh.client import visit
from messages.model import Model
from messages.node import Milestone, Schema
from messages.schema import hash_schema, json_schema, schema_hash
from tests.labmesh.cli._house import House, elsewhere, running_house


class OtherMilestone(Model):
    """Progress, as another version of the package has it."""

    task: str


@pytest.mark.usefixtures("mosquitto_program")
def test_a_type_is_shown_exemplified_and_compared(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        # Published by the thermometer; no process but this one has its class.
        shown, schema, seen, example, same = elsewhere(
            house,
            "interface show HouseTemperature",
            "interface show HouseTemperature@1 --json",
            "topic echo '~kit/therm/data/temperature' --once --json",
            "interface proto Wish",
            "interface show Milestone",
        )
        assert "value  number  K     yes" in shown.out
        assert "not installed here; as kit/heater, kit/therm published it" in shown.out
        digest = hash_schema(schema.json)
        assert f"schema {digest}" in shown.out
        # The hash is in every message, too.
        assert seen.json["header"]["schema"] == digest
        # An example goes back in as it came out.
        assert "# K, ≥ 250, ≤ 400" in example.out
        (tmp_path / "wish.yaml").write_text(example.out)
        # Ours and the mesh's differ: said before a message is refused for it.
        assert "the same as at kit/broker" in same.out
        house.run(publish_other(house))
        called, differs = elsewhere(
            house,
            f"service call heater heater.wish @{tmp_path / 'wish.yaml'}",
            "interface show Milestone",
        )
        assert called.out.startswith("temperature: ")
        assert f"here it is {schema_hash(Milestone)[:12]}" in differs.out


async def publish_other(house: House) -> None:
    schema = json_schema(OtherMilestone)
    message = Schema(type="Milestone@1", hash=hash_schema(schema), schema=schema)
    async with visit(house.place, "other") as visitor:
        mesh = visitor.mesh
        topic = mesh.topics.own("schema", "Milestone@1", message.hash)
        await mesh.send(topic, message, retain=True)
