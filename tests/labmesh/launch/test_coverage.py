"""``labmesh launch --check`` warns of capabilities that are asked for and not offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labmesh.cli.launch import command

ROOT = Path(__file__).parents[3]
CAMPAIGN = ROOT / "launch" / "campaigns" / "ec_emc_conductivity.yaml"
HEAD = "labmesh_launch: 1\nsite: kit\nlaunch:\n  - mqtt_broker: %s\n"
EMBEDDED = HEAD % "embedded"
SHARED = HEAD % "{url: 'mqtt://hub.example:1883'}"
OPTIMISER = "  - node: {run: optimiser, param: {campaign_file: %s}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(content: str, *more: str, head: str = SHARED) -> Result:
    Path("lab.yaml").write_text(head + content)
    return CliRunner().invoke(command, ["lab.yaml", "--check", *more])


def test_what_nobody_offers_is_a_warning() -> None:
    result = check(OPTIMISER % CAMPAIGN)
    assert result.exit_code == 0
    (warning,) = result.stderr.splitlines()
    assert warning.startswith("warning: lab.yaml:5:")
    assert "kit/optimiser asks for conductivity/two_electrode" in warning
    assert "sound, 1 node" in result.stdout
    (told,) = json.loads(check(OPTIMISER % CAMPAIGN, "--json").stdout)["warnings"]
    assert told["line"] == 5


def test_what_nobody_can_offer_is_a_mistake() -> None:
    # Nobody else reaches an embedded MQTT broker, and all of the file starts here.
    result = check(OPTIMISER % CAMPAIGN, head=EMBEDDED)
    assert result.exit_code == 2
    assert result.stderr.startswith("lab.yaml:5:17: kit/optimiser asks for conductivity/two_elec")
    other = "  - group: {site: dtu, actions: [{node: {run: clock}}]}\n"
    assert check(OPTIMISER % CAMPAIGN + other, "--site", "kit", head=EMBEDDED).exit_code == 0
    program = "  - executable: {cmd: [sleep, 1]}\n"  # which may be a node for all we know
    assert check(OPTIMISER % CAMPAIGN + program, head=EMBEDDED).exit_code == 0


@pytest.mark.parametrize("site", ["kit", "dtu"])
def test_what_a_node_offers_is_none(site: str) -> None:
    asab = f"  - node: {{run: asab, site: {site}}}\n"
    result = check(OPTIMISER % CAMPAIGN + asab, "--site", "kit")
    assert result.exit_code == 0
    assert result.stderr == ""


def test_the_shipped_campaign_is_covered() -> None:
    file = ROOT / "launch" / "conductivity_campaign.launch.yaml"
    result = CliRunner().invoke(command, [str(file), "--check", "--json"])
    assert json.loads(result.stdout) == {"problems": [], "warnings": []}


def test_a_campaign_file_that_is_missing_is_not_its_business() -> None:
    result = check(OPTIMISER % "nowhere.yaml")
    assert result.exit_code == 0
    assert "asks for" not in result.stderr
