"""What a result says of how to make it again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from labmesh.reproducibility import (
    REPRODUCIBILITY,
    Recipe,
    Reproducibility,
    code_of,
    hardware,
    hardware_words,
    metadata_sha256,
    reproducible,
)
from messages.envelope import pack, unpack, validate
from messages.ledger import ArtifactRef, Provenance, Result
from messages.model import JsonObject

RESULT = Result(
    quantity="density",
    method="model",
    parameters={"temperature": 298.15, "table": {"data": b"\x01\x02", "dtype": "<f8"}},
    outcome="resolved",
    data={"density": 1.2},
    provenance=Provenance(software="x 1", notes={"domain": "inside"}),
)
RECIPE = Recipe(model="m@1", initial_parameters={"tau": 10.0}, seeds=(7,), training_sha256="0" * 64)


def told() -> Result:
    return reproducible(RESULT, "nodes.degradation", RECIPE, "numpy")


def test_a_result_says_what_it_takes_to_make_it_again() -> None:
    note = Reproducibility.model_validate(told().provenance.notes[REPRODUCIBILITY])
    assert (note.model, note.seeds, note.training_sha256) == ("m@1", (7,), "0" * 64)
    assert note.code.package == "labmesh"
    assert note.code.version
    assert set(note.code.packages) == {"python", "numpy"}
    assert note.hardware.cpu
    assert note.hardware.cores > 0
    assert note.hardware.memory > 2**20
    assert told().provenance.notes["domain"] == "inside"
    assert f"{note.hardware.cores} cores" in hardware_words(hardware())


def test_the_hash_is_found_again_in_what_came_over_the_wire() -> None:
    body = unpack(pack(told().model_dump()))
    found = validate(Result, body, where="result")
    assert metadata_sha256(found) == body["provenance"]["notes"][REPRODUCIBILITY]["metadata_sha256"]


def _changes() -> list[JsonObject]:
    provenance = told().provenance
    notes: dict[str, Any] = provenance.notes
    other = {**notes, REPRODUCIBILITY: {**notes[REPRODUCIBILITY], "seeds": [8]}}
    file = ArtifactRef(sha256="1" * 64, name="a", media_type="text/csv", size=1)
    return [
        {"parameters": {"temperature": 298.150001}},
        {"method": "other"},
        {"campaign": "c"},
        {"artifacts": (file,)},
        {"provenance": provenance.model_copy(update={"simulated": True})},
        {"provenance": provenance.model_copy(update={"notes": other})},
    ]


@pytest.mark.parametrize("change", _changes(), ids=lambda change: next(iter(change)))
def test_every_change_of_metadata_changes_the_hash(change: JsonObject) -> None:
    assert metadata_sha256(told().model_copy(update=change)) != metadata_sha256(told())


def test_data_are_not_metadata_and_the_hash_is_not_its_own_subject() -> None:
    assert metadata_sha256(told().model_copy(update={"data": {}})) == metadata_sha256(told())
    again = reproducible(told(), "nodes.degradation", RECIPE, "numpy")
    assert again == told()


def test_the_commit_is_that_of_the_checkout() -> None:
    root = Path(__file__).parents[2]
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    if asked.returncode == 0:  # an unpacked archive of the sources has none
        assert code_of("labmesh").commit == asked.stdout.strip()


def test_code_of_a_package_that_is_installed_but_not_checked_out() -> None:
    code = code_of("numpy.linalg")
    assert (code.package, code.commit) == ("numpy", "")
    assert code.version
    assert code_of("nobody_has_this").version == ""
