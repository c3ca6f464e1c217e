from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.capabilities import FINALES_CAPABILITIES
from messages.cell import CellAssemblyOutput
from messages.chemistry import EC, EMC, NMC622, Formulation
from messages.cycling import CapacityOutput
from messages.degradation import DegradationModelOutput
from messages.electrolyte import (
    ConductivityInput,
    ConductivityOutput,
    DensityOutput,
    ElectrolyteOutput,
)
from messages.envelope import pack, unpack
from messages.errors import BodyError, LabmeshError, UnknownTypeError
from messages.finales import (
    NAMES,
    Direction,
    from_finales,
    from_finales_name,
    from_finales_status,
    to_finales,
    to_finales_name,
    to_finales_status,
)
from messages.ledger import FINAL, Rating, ResultStatus, Status
from messages.logistics import TransportInput
from messages.quantity import Quantity
from messages.simulation import RadialDistributionOutput
from tests.messages import strategies as some
from tests.messages.finales_examples import EXAMPLES

EXTRA = {("transport", "transport_service"): {"samples": ["vial-5"]}}
CASES: list[tuple[str, str, Literal["input", "output"]]] = [
    (*name, direction) for name in EXAMPLES for direction in ("input", "output")
]


def example(quantity: str, method: str, direction: Direction) -> dict[str, Any]:
    return copy.deepcopy(EXAMPLES[quantity, method][direction == "output"])


def alike(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return bool(one == pytest.approx(other, rel=1e-12))
    return bool(one == other and type(one) is type(other))


@pytest.mark.parametrize(("quantity", "method", "direction"), CASES)
def test_what_comes_from_finales_goes_back_unchanged(
    quantity: str, method: str, direction: Direction
) -> None:
    theirs = example(quantity, method, direction)
    extra = EXTRA.get((quantity, method))
    ours = from_finales(quantity, method, direction, theirs, extra=extra)
    name = from_finales_name(quantity, method)
    again = to_finales(*name, direction, unpack(pack(ours)))
    assert alike(again, theirs), again
    assert theirs == example(quantity, method, direction), "the argument was changed"


def ours(quantity: str, method: str, direction: Direction = "output") -> Any:
    return from_finales(quantity, method, direction, example(quantity, method, direction))


def test_every_capability_has_an_example_and_a_name() -> None:
    assert set(NAMES) == set(FINALES_CAPABILITIES)
    assert set(NAMES.values()) == set(EXAMPLES)


# --- names


def test_capability_names() -> None:
    eol = ("degradation_eol", "degradation_model")
    assert to_finales_name(*eol) == ("degradationEOL", "degradation_model")
    assert from_finales_name("degradationEOL", "degradation_model") == eol
    rdf = ("radial_density_function", "molecular_dynamics")
    assert to_finales_name(*rdf) == ("radial_density_function", "molacular_dynamics")
    assert from_finales_name(*to_finales_name(*rdf)) == rdf
    assert from_finales_name(*rdf) == rdf
    for name in FINALES_CAPABILITIES:
        assert from_finales_name(*to_finales_name(*name)) == name


def test_a_capability_finales_does_not_have() -> None:
    for translate in (to_finales_name, from_finales_name):
        with pytest.raises(UnknownTypeError, match="taste/tongue is not a capability of FINALES 2"):
            translate("taste", "tongue")


# --- values, by hand


def test_conductivity() -> None:
    data = ours("conductivity", "two_electrode")
    assert isinstance(data, ConductivityOutput)
    assert data.conductivity.value == pytest.approx(0.92)
    assert data.conductivity.uncertainty == pytest.approx(0.01 / np.sqrt(3))
    assert data.conductivity.quality == Rating(success=True, rating=4)
    assert data.temperature == Quantity.of(301.15, "K")
    assert data.repeats is not None
    assert data.repeats.tolist() == [0.91, 0.93, 0.92]
    assert data.run_info.formulation.fraction(EC) == 0.42
    info = data.run_info.chemicals_info[EC.key]
    assert info.molar_mass == Quantity.of(88.06 * 1e-3, "kg/mol", 0.01 * 1e-3)
    assert info.density is not None
    assert info.density.value == pytest.approx(1321.4)
    assert info.manufacturing_date == date(2023, 7, 27)


def test_density_and_viscosity() -> None:
    data = ours("density", "vibrating_tube_densimetry")
    assert isinstance(data, DensityOutput)
    assert data.density.value == pytest.approx(1215)
    assert data.viscosity is not None
    assert data.viscosity.value == pytest.approx(3.2e-3)
    assert data.viscosity_repeats is not None
    assert data.viscosity_repeats.tolist() == pytest.approx([3.1e-3, 3.3e-3])


def test_radial_distribution() -> None:
    data = ours("radial_density_function", "molacular_dynamics")
    assert isinstance(data, RadialDistributionOutput)
    assert data.radius.tolist() == pytest.approx([0.5e-10, 1e-10, 1.5e-10])
    assert data.cell_volume == pytest.approx(3.1e-26)
    assert data.rdf.shape == (2, 3)


def test_electrolyte() -> None:
    data = ours("electrolyte", "flow")
    assert isinstance(data, ElectrolyteOutput)
    assert data.volume.value == pytest.approx(2.6e-6)
    assert data.sample.startswith("c1fe5145")
    assert data.rating == Rating(success=True, rating=4)


def test_cells() -> None:
    data = ours("cell_assembly", "autobass_assembly")
    assert isinstance(data, CellAssemblyOutput)
    (cell,) = data.batch_output
    assert cell.cell_info.sample == "CELL-1"
    assert cell.cell is not None
    assert cell.cell.electrolyte_volume == pytest.approx(35e-9)
    anode = cell.cell.battery_chemistry.anode
    assert anode is not None
    assert anode.areal_capacity == pytest.approx(11.0)
    assert anode.area == pytest.approx(1.7663e-4)
    assert cell.sealing_time == datetime(2023, 11, 24, 10, 50, 9, tzinfo=UTC)


def test_capacities_alternate() -> None:
    data = ours("capacity", "cycling")
    assert isinstance(data, CapacityOutput)
    assert data.charge_capacity.tolist() == [1.5e-3, 1.45e-3]
    assert data.discharge_capacity.tolist() == [1.4e-3]


def test_end_of_life() -> None:
    data = ours("degradationEOL", "degradation_model")
    assert isinstance(data, DegradationModelOutput)
    assert data.prediction.end_of_life == Quantity.of(400, "1", 5.9)
    assert data.prediction.capacity_trajectory.tolist() == pytest.approx([3.2e-3, 2.9e-3, 2.6e-3])


def test_a_result_rating_stands_in_for_one_that_is_missing() -> None:
    data = ours("conductivity", "two_electrode")
    unrated = data.model_copy(
        update={"conductivity": data.conductivity.model_copy(update={"quality": None})}
    )
    name = ("conductivity", "two_electrode")
    assert "meta" not in to_finales(*name, "output", unrated)["conductivity"]
    rating = Rating(success=False, rating=1, reason="drift")
    meta = to_finales(*name, "output", unrated, rating=rating)["conductivity"]["meta"]
    assert meta == {"success": False, "rating": 1}
    kept = to_finales(*name, "output", data, rating=rating)["conductivity"]["meta"]
    assert kept == {"success": True, "rating": 4}


def test_mass_fractions_become_mole_fractions() -> None:
    mass = Formulation.of({EC: 1, EMC: 1}, "mass")
    theirs = to_finales(
        "conductivity", "two_electrode", "input", ConductivityInput(formulation=mass)
    )
    ec, emc = (component["fraction"] for component in theirs["formulation"])
    assert ec / emc == pytest.approx(104.105 / 88.062, rel=1e-4)
    assert {component["fraction_type"] for component in theirs["formulation"]} == {"molPerMol"}


def test_the_other_spelling_of_mole_fractions() -> None:
    theirs = example("conductivity", "molecular_dynamics", "input")
    for component in theirs["formulation"]:
        component["fraction_type"] = "molar fraction"
    data = from_finales("conductivity", "molecular_dynamics", "input", theirs)
    assert isinstance(data, ConductivityInput)
    assert data.formulation.fraction_type == "mole"


# --- spellings of dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14.08.2023", date(2023, 8, 14)),
        ("2023_08_14", date(2023, 8, 14)),
        ("2023-08-14", date(2023, 8, 14)),
        ("14-08-2023", date(2023, 8, 14)),
        (" 14.08.2023 ", date(2023, 8, 14)),
        ("unknown", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    theirs = example("capacity", "cycling", "output")
    theirs["cell_info"]["assembly_date"] = text
    data = from_finales("capacity", "cycling", "output", theirs)
    assert isinstance(data, CapacityOutput)
    assert data.cell_info.assembly_date == expected


@pytest.mark.parametrize(
    "text", ["2023_11_24-10:50:09", "2023-11-24 10:50:09", "24.11.2023 10:50:09"]
)
def test_times(text: str) -> None:
    theirs = example("cell_assembly", "autobass_assembly", "output")
    theirs["batch_output"][0]["sealing_time"] = text
    data = from_finales("cell_assembly", "autobass_assembly", "output", theirs)
    assert isinstance(data, CellAssemblyOutput)
    assert data.batch_output[0].sealing_time == datetime(2023, 11, 24, 10, 50, 9, tzinfo=UTC)


# --- refusals


def change(theirs: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    node: Any = theirs
    for key in parents:
        node = node[int(key) if isinstance(node, list) else key]
    node[int(last) if isinstance(node, list) else last] = value


@pytest.mark.parametrize(
    ("name", "path", "value", "reason"),
    [
        (
            ("conductivity", "two_electrode"),
            "run_info.formulation.0.fraction_type",
            "volPerVol",
            "output.run_info.formulation.0.fraction_type: fraction type 'volPerVol' is not known; ",
        ),
        (
            ("conductivity", "two_electrode"),
            "run_info.formulation.0.chemical",
            {"SMILES": "C"},
            "output.run_info.formulation: InChIKey is missing",
        ),
        (
            ("conductivity", "two_electrode"),
            "conductivity.values",
            [],
            "output.conductivity.values: cannot be converted: there is no mean of no values",
        ),
        (
            ("conductivity", "two_electrode"),
            "conductivity.values",
            ["0.6"],
            "output.conductivity.values: cannot be converted: str is not a number",
        ),
        (
            ("conductivity", "two_electrode"),
            "conductivity.temperature",
            None,
            "ConductivityOutput is not valid: output.temperature: Field required",
        ),
        (
            ("conductivity", "two_electrode"),
            "run_info.formulation.0.fraction",
            0.07,
            "output.run_info.formulation: fractions sum to 0.99, not to 1",
        ),
        (
            ("conductivity", "two_electrode"),
            "conductivity.meta.rating",
            10,
            "output.conductivity.quality.rating: Input should be less than or equal to 5",
        ),
        (
            ("capacity", "cycling"),
            "cell_info.assembly_date",
            "next week",
            "output.cell_info.assembly_date: cannot be converted: 'next week' is none of %Y-%m-%d,",
        ),
        (
            ("capacity", "cycling"),
            "capacity_list",
            [1, None],
            "output.capacity_list: cannot be converted: not a list of numbers",
        ),
        (
            ("capacity", "cycling"),
            "cell_info.uuid",
            None,
            "CapacityOutput is not valid: output.cell_info.sample: Field required",
        ),
        (
            ("cell_assembly", "autobass_assembly"),
            "batch_output.0.cell.electrolyte_volume",
            "35",
            "output.batch_output.0.cell.electrolyte_volume: cannot be converted: str is not a num",
        ),
        (
            ("cell_assembly", "autobass_assembly"),
            "batch_output",
            "none",
            "output.batch_output: cannot be converted: str is not a list",
        ),
        (
            ("degradationEOL", "degradation_model"),
            "degradationEOL",
            [1],
            "output.degradationEOL: cannot be converted: list is not an object",
        ),
        (
            ("transport", "transport_service"),
            "success",
            "True",
            "TransportOutput is not valid: output.success: Input should be a valid boolean; ",
        ),
    ],
)
def test_refusals_name_the_field(name: tuple[str, str], path: str, value: Any, reason: str) -> None:
    theirs = example(*name, "output")
    change(theirs, path, value)
    with pytest.raises(BodyError) as caught:
        from_finales(*name, "output", theirs)
    assert reason in str(caught.value)


def test_what_finales_cannot_say() -> None:
    for formulation, reason in [
        (Formulation.of({NMC622: 1}), "FINALES asks for SMILES and InChIKey, and LiNi0.6"),
        (Formulation.of({NMC622: 1}, "mass"), "FINALES knows mole fractions alone, and no molar"),
    ]:
        with pytest.raises(BodyError) as caught:
            to_finales(
                "conductivity", "two_electrode", "input", ConductivityInput(formulation=formulation)
            )
        assert f"formulation: {reason}" in str(caught.value)


def test_extra_does_not_override() -> None:
    theirs = example("transport", "transport_service", "input")
    data = from_finales(
        "transport",
        "transport_service",
        "input",
        theirs,
        extra={"samples": ["vial-5"], "origin": {"address": "elsewhere"}},
    )
    assert isinstance(data, TransportInput)
    assert data.samples == ("vial-5",)
    assert data.origin.address == "KIT HIU Ulm"


@given(st.sampled_from(CASES), some.objects)
def test_arbitrary_data_raise_labmesh_errors_alone(
    case: tuple[str, str, Direction], data: dict[str, Any]
) -> None:
    with pytest.raises(LabmeshError):
        from_finales(*case, data)


@given(st.sampled_from(CASES), st.data())
def test_damaged_data_raise_labmesh_errors_alone(
    case: tuple[str, str, Direction], data: st.DataObject
) -> None:
    theirs = example(*case)
    node: Any = theirs
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(some.values)
            break
        node = node[key]
    try:
        from_finales(*case, theirs, extra=EXTRA.get(case[:2]))
    except LabmeshError as error:
        message = str(error)
    else:
        message = "taken"
    assert message


# --- statuses


def test_statuses() -> None:
    assert {status: to_finales_status(status) for status in Status} == {
        Status.PENDING: "pending",
        Status.RESERVED: "reserved",
        Status.RUNNING: "reserved",
        Status.CANCELING: "reserved",
        Status.HELD: "reserved",
        Status.RESOLVED: "resolved",
        Status.FAILED: "retracted",
        Status.RETRACTED: "retracted",
        Status.EXPIRED: "retracted",
        Status.ABANDONED: "retracted",
    }
    for word in ("pending", "reserved", "resolved", "retracted"):
        assert from_finales_status(word) == Status(word)
        assert (to_finales_status(Status(word)) in ("resolved", "retracted")) == (
            Status(word) in FINAL
        )
    assert from_finales_status("unsolicited") is Status.RESOLVED
    for status in ResultStatus:
        assert from_finales_status(status.value) is status
    for word in ("running", "wild"):
        with pytest.raises(BodyError, match=f"status: '{word}' is not a status of FINALES 2"):
            from_finales_status(word)
