from __future__ import annotations

from pathlib import Path

import pytest

from messages.errors import ConfigurationError
from nodes.optimiser import load_campaign

SHIPPED = Path(__file__).parents[3] / "launch" / "campaigns" / "ec_emc_conductivity.yaml"

MINIMAL = """\
name: test
objective: {quantity: conductivity, method: two_electrode, output: conductivity, unit: S/m}
space:
  x: {minimum: 0, maximum: 1}
budget: 5
"""


def load(tmp_path: Path, text: str) -> str:
    """Return the error of a campaign file, without the path of its folder."""
    path = tmp_path / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_campaign(path)
    return str(caught.value).replace(str(tmp_path) + "/", "")


def test_the_shipped_campaign() -> None:
    campaign = load_campaign(SHIPPED)
    space = campaign.build_space()
    assert space.names == ("w_ec", "molality")
    assert campaign.build_objectives()[0].unit == "S/m"
    constraints = campaign.build_constraints()
    corner = space.normalise([(0.5, 1.4)]) * 0 + [(0.5, 1.4)]
    assert constraints[0].allows(space, corner).all()
    assert campaign.consume.datasets[0].dataset == "calisol23_lipf6_ec_emc"


def test_a_minimal_campaign(tmp_path: Path) -> None:
    path = tmp_path / "campaign.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    campaign = load_campaign(path)
    assert campaign.encoding == "plain"
    assert campaign.stop is None
    assert campaign.parallel == 1


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_campaign(tmp_path / "none.yaml")


def test_every_mistake_has_a_line(tmp_path: Path) -> None:
    text = MINIMAL.replace("budget: 5", "budget: none\nbugdet: 3")
    said = load(tmp_path, text)
    assert said.startswith("campaign.yaml:5: budget: Input should be a valid integer")
    assert "\ncampaign.yaml:6: bugdet: Extra inputs are not permitted" in said
    assert "docs/optimiser.md" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: test", "name: [", "campaign.yaml:3: not YAML"),
        ("budget: 5", "budget: 5\nbudget: 6", "campaign.yaml:6: key 'budget' comes twice"),
        ("minimum: 0,", "minimum: 2,", "the minimum of x, 2, is not below its maximum, 1"),
        ("minimum: 0,", "minimum: .nan,", "campaign.yaml:4: space.x.minimum"),
        ("unit: S/m}", "unit: S/m, direction: up}", "campaign.yaml:2: objective.direction"),
        (
            "budget: 5",
            "budget: 5\nencoding: lipf6_ec_emc",
            "needs exactly the dimensions w_ec and molality",
        ),
        (
            "budget: 5",
            "budget: 5\nconstraints:\n  - {coefficients: {z: 1}, maximum: 1}",
            "a constraint names 'z', which is no dimension",
        ),
        (
            "budget: 5",
            "budget: 5\nconsume:\n  datasets:\n    - {dataset: a, file: b.csv}",
            "campaign.yaml:8: consume.datasets.0: name either a dataset or a file",
        ),
        (
            "budget: 5",
            "budget: 5\nconsume:\n  datasets:\n    - {file: b.csv}",
            "campaign.yaml:8: consume.datasets.0: a file needs title and licence",
        ),
        (
            "budget: 5",
            "budget: 5\nconsume: {datasets: [{dataset: a}]}",
            "datasets can be read with encoding lipf6_ec_emc only",
        ),
    ],
)
def test_messages(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert words in load(tmp_path, MINIMAL.replace(old, new))


def test_not_a_mapping(tmp_path: Path) -> None:
    assert load(tmp_path, "- 1\n") == "campaign.yaml:1: not a mapping"


def test_datasets_need_a_temperature(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8").replace("  temperature: 298.15", "  volume: 1")
    assert "need a fixed temperature" in load(tmp_path, text)
