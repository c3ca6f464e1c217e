"""Bridged sites in a launch file: who is bridged to whom, and where the hub is for a part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmesh.launch import LaunchError, Plan, load_plan
from labmesh.launch._bridges import bridge_of
from messages.errors import ConfigurationError

THREE = """\
labmesh_launch: 1
launch:
  - arg: {name: hub_url, default: ''}
  - group:
      site: hub
      actions: [{mqtt_broker: {embedded: true, streams: [clock/drift]}}, {node: {run: clock}}]
  - group:
      site: kit
      actions:
        - mqtt_broker:
            embedded: true
            bridge: hub
            hub_url: $(var hub_url)
            streams: [asab/+]
        - node: {run: clock}
  - group:
      site: dtu
      actions: [{mqtt_broker: {embedded: true, bridge: hub}}, {node: {run: clock}}]
"""


def three(folder: Path, **arguments: str) -> Plan:
    file = folder / "three.yaml"
    file.write_text(THREE)
    return load_plan(file, arguments)


def test_every_bridge_knows_the_other_sites_and_all_streams(tmp_path: Path) -> None:
    hub, kit, dtu = three(tmp_path).brokers
    assert hub.bridged == ("dtu", "kit")
    assert kit.bridging
    assert dtu.bridging
    assert kit.bridging.peers == ("dtu", "hub")
    assert kit.bridging.streams == dtu.bridging.streams == ("hub/clock/drift", "kit/asab/+")


def test_the_hub_is_the_one_that_runs_here_else_the_one_that_is_named(tmp_path: Path) -> None:
    plan = three(tmp_path, hub_url="mqtts://hub.example")
    bridge = bridge_of(plan.brokers[1], plan, {"hub": "mqtt://127.0.0.1:1885"})
    assert bridge
    assert (bridge.site, bridge.host, bridge.port) == ("kit", "127.0.0.1", 1885)
    part = plan.at_site("kit")
    bridge = bridge_of(part.brokers[0], part, {})
    assert bridge
    assert (bridge.host, bridge.port, bridge.peers) == ("hub.example", 8883, ("dtu", "hub"))
    with pytest.raises(ConfigurationError, match="where the hub of dtu is"):
        bridge_of(plan.brokers[2], plan.at_site("dtu"), {})


def test_the_account_at_the_hub_names_hub_user_and_secret(tmp_path: Path) -> None:
    file = tmp_path / "hub.json"
    file.write_text('{"url": "mqtt://127.0.0.1:1999", "username": "kit-1", "password": "pw"}')
    file.chmod(0o600)
    made = tmp_path / "three.yaml"
    made.write_text(THREE.replace("hub_url: $(var hub_url)", "hub_account: hub.json"))
    plan = load_plan(made, only_site="kit").at_site("kit")
    bridge = bridge_of(plan.brokers[0], plan, {})
    assert bridge
    assert (bridge.host, bridge.port, bridge.username) == ("127.0.0.1", 1999, "kit-1")
    assert "remote_password pw" in bridge.render()
    # Nobody who does not know the password can take this bridge's place.
    assert bridge.client_id
    assert bridge.client_id.startswith("kit/bridge-")
    assert "pw" not in str(plan.as_dict())


def test_a_part_without_its_hub_is_a_mistake(tmp_path: Path) -> None:
    three(tmp_path)
    file = tmp_path / "three.yaml"
    with pytest.raises(LaunchError, match="MQTT broker of 'hub' is not started with the part"):
        load_plan(file, only_site="dtu")
    load_plan(file, {"hub_url": "mqtt://hub.example:1883"}, only_site="kit")
