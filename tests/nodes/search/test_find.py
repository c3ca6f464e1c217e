"""What is found in the recorded labs by plain names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from messages.errors import LabmeshError
from nodes.search._desk import Desk
from tests.labmesh.cli._lab import Command
from tests.support.recorded_lab import EOL, recorded_lab


def found(desk: Desk, text: str = "", **options: Any) -> list[dict[str, Any]]:
    """Return all that is found, page by page."""
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        question = {"text": text, "limit": 200, "after": after, **options}
        answer = desk.find(question, inside=False, provenance=True)
        assert not answer["ignored"]
        assert len(json.dumps(answer)) < 64 * 1024, "it travels"
        rows += answer["found"]
        after = answer["next"]
    return rows


def values(desk: Desk, text: str = "", **options: Any) -> list[dict[str, Any]]:
    """Return what is found, without series."""
    return [row for row in found(desk, text, **options) if row["value"] is not None]


@pytest.mark.parametrize(
    ("text", "quantity", "kind"),
    [
        ("end of life of coin cells", "cycle life", "predicted"),
        ("cycle life", "cycle life", "predicted"),
        ("discharge capacity of cells", "discharging capacity", "simulated"),
        ("density of stock solutions", "density", "measured"),
        ("volume of electrolyte containing LiPF6", "volume", "simulated"),
        ("voltage of coin cells containing LiPF6 and graphite", "voltage gap change", "simulated"),
    ],
)
def test_what_the_lab_of_cells_holds_has_a_plain_name(
    cells: Desk, text: str, quantity: str, kind: str
) -> None:
    rows = found(cells, text)
    assert rows
    assert (rows[0]["quantity"], rows[0]["kind"]) == (quantity, kind)


def test_a_value_is_told_with_all_that_belongs_to_it(lab: Desk) -> None:
    (one, *_) = values(lab, "simulated ionic conductivity of electrolytes containing LiPF6")
    assert one["unit"] == "S/m"
    assert 0.1 < one["value"] < 2
    assert 0 < one["uncertainty"] < 0.1
    assert one["conditions"][0]["quantity"] == "temperature"
    assert one["conditions"][0]["unit"] == "K"
    assert one["method"] == "two_electrode"
    assert {"EC", "EMC", "LiPF6"} >= set(one["contains"]) != set()
    assert one["author"] == "kit/asab"
    assert 0 <= one["quality"] <= 5
    assert one["provenance"]["software"].startswith("labmesh ")
    assert any(name.startswith("stock") for name in one["provenance"]["made from"])
    assert len(one["provenance"]["ledger hash"]) == 64


def test_bounds_and_conditions_hold_in_whatever_unit(lab: Desk) -> None:
    every = values(lab, quantity="ionic conductivity")
    middle = sorted(each["value"] for each in every)[len(every) // 2]
    high = values(lab, quantity="ionic conductivity", above=f"{10 * middle} mS/cm")
    low = values(lab, quantity="ionic conductivity", below=f"{middle} S/m")
    assert {each["result"] for each in high + low} == {each["result"] for each in every}
    assert all(each["value"] >= middle for each in high)
    hottest = max(each["conditions"][0]["value"] for each in every)
    warm = values(lab, quantity="ionic conductivity", at=[f"{hottest - 273.15} degC +- 1 K"])
    assert 0 < len(warm) < len(every)
    for each in warm:
        (temperature,) = [c["value"] for c in each["conditions"] if c["quantity"] == "temperature"]
        assert abs(temperature - hottest) <= 1.0 + 1e-9
    assert not found(lab, quantity="ionic conductivity", above="1 K")


def test_circumstances_narrow(lab: Desk) -> None:
    every = values(lab, "ionic conductivity")
    simulated = values(lab, "simulated ionic conductivity")
    measured = values(lab, "measured ionic conductivity")
    assert len(simulated) + len(measured) == len(every)
    assert 0 < len(simulated) < len(measured)
    campaign = simulated[0]["campaign"]
    assert values(lab, f"simulated ionic conductivity in campaign {campaign}") == simulated
    assert not values(lab, "ionic conductivity in campaign other")
    assert values(lab, "ionic conductivity", method="two_electrode") == simulated
    assert values(lab, "ionic conductivity from kit/asab") == simulated
    assert values(lab, "simulated ionic conductivity from site kit") == simulated
    day = simulated[0]["begun"]
    assert simulated[0] in values(lab, "ionic conductivity", since=day)
    assert simulated[0] not in values(lab, "ionic conductivity", until=day)
    assert values(lab, "ionic conductivity", sample=simulated[0]["sample"]) == simulated[:1]
    assert not values(lab, "ionic conductivity without LiPF6")


def test_where_nothing_is_found_it_is_said_what_to_leave_out(lab: Desk) -> None:
    question = {"text": "ionic conductivity containing LiPF6 above 1 MS/m"}
    answer = lab.find(question, inside=False, provenance=False)
    assert not answer["found"]
    assert any("Without the bound on the value" in each for each in answer["hints"])


def test_pages_go_on(lab: Desk) -> None:
    whole = found(lab, "ionic conductivity")
    small = found(lab, "ionic conductivity", limit=7)
    assert len(whole) > 60
    assert small == whole


def test_the_nearest_is_named_with_what_is_in_common(lab: Desk) -> None:
    (one, *others) = values(lab, "simulated ionic conductivity")
    near = lab.related(one["result"], limit=200, inside=False, provenance=False)["found"]
    assert one["result"] not in {each["result"] for each in near}
    assert [each["distance"] for each in near] == sorted(each["distance"] for each in near)
    assert all(0 <= each["distance"] <= 1 for each in near)
    assert {each["result"] for each in near[: len(others)]} == {o["result"] for o in others}
    assert {"quantity", "method"} <= set(near[0]["because"])
    assert near[-1]["quantity"] != "ionic conductivity"
    (same, *_) = lab.related(one["sample"], limit=3, inside=False, provenance=False)["found"]
    assert (same["result"], same["distance"]) == (one["result"], 0.0)
    with pytest.raises(LabmeshError, match="no result with a value, and no sample"):
        lab.related("nothing", limit=3, inside=False, provenance=False)


def test_the_command_line_reads_a_file(tmp_path: Path, labmesh: Command) -> None:
    ledger = str(recorded_lab(EOL, tmp_path).ledger)
    text = labmesh.text("search", "end of life of coin cells", "--ledger-file", ledger)
    assert "degradation_model" in text
    told = labmesh("search", "--quantity", "density", "--json", "--ledger-file", ledger).json
    assert told["found"][0]["unit"] == "kg/m3"
    (tmp_path / "q.rq").write_text("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    count = labmesh.text(
        "search", "--sparql", str(tmp_path / "q.rq"), "--format", "csv", "--ledger-file", ledger
    )
    assert int(count.split()[1]) > 5000
    assert json.dumps(told)
    for arguments, words in (
        ([], "nothing was asked"),
        (["density", "--like", "x"], "exclude each other"),
        (["--quantity", "densty"], "did you mean density"),
    ):
        answer = labmesh("search", *arguments, "--ledger-file", ledger)
        assert answer.code in {1, 2}
        assert words in answer.err


def test_every_quantity_of_both_labs_is_found_by_its_plain_name(cells: Desk, lab: Desk) -> None:
    """Whatever a result gave out, asked for as a person would say it."""
    for desk in (cells, lab):
        names = set()
        for row in found(desk, since="1970-01-01"):
            names.update(row["quantity"].split(", "))
        assert len(names) > 2
        for name in sorted(names):
            answer = desk.find({"text": f"{name} since 1970-01-01", "limit": 1}, inside=False,
                               provenance=False)  # fmt: skip
            assert answer["found"], name
            assert not answer["ignored"], name
